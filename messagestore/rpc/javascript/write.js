// Writes a message to the message store. A printed position means that the message
// is on disk.
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { explain, isTemporary, openStore } from "./store.js";

const usage = "usage: node write.js [--id UUID] [--expected none|exists|VERSION] STREAM TYPE DATA";

/**
 * Makes the write, and repeats it for up to 30 s while the outcome is unknown. That
 * is safe: the message keeps its id, so it is stored once.
 */
async function write({ store, hangUp }, request) {
  const until = Date.now() + 30_000;
  for (let pause = 100; ; pause = Math.min(2 * pause, 2_000)) {
    try {
      return await store.write(request, { timeoutMs: 5_000 });
    } catch (err) {
      if (!isTemporary(err) || Date.now() > until) throw err;
      console.error(`writing again: ${explain(err)}`);
    }
    // The jitter spreads the retries of several clients.
    await setTimeout(pause * (1 + Math.random()));
    hangUp();
  }
}

function expectedVersion(text) {
  switch (text) {
    case undefined: return undefined; // any version
    case "none": return { kind: { case: "none", value: {} } };
    case "exists": return { kind: { case: "exists", value: {} } };
    default: return { kind: { case: "exactly", value: BigInt(text) } };
  }
}

function parseCommand() {
  try {
    const { values, positionals } = parseArgs({
      options: { id: { type: "string" }, expected: { type: "string" } },
      allowPositionals: true,
    });
    if (positionals.length !== 3) throw new Error("STREAM, TYPE and DATA are required");
    const [streamName, type, data] = positionals;
    return {
      streamName,
      messages: [{ id: values.id ?? randomUUID(), type, data }],
      expectedVersion: expectedVersion(values.expected),
    };
  } catch (err) {
    console.error(`${err.message}\n${usage}`);
    process.exit(2);
  }
}

const request = parseCommand();
try {
  const { position, globalPosition, alreadyStored } = await write(openStore(), request);
  console.log(`${globalPosition} ${request.streamName} ${position}${alreadyStored ? " (already stored)" : ""}`);
} catch (err) {
  console.error(explain(err));
  process.exit(1); // a connection attempt would keep the process running
}
process.exit(0);
