// Prints the messages of categories, one per line: first the stored ones, then each
// new one, until SIGINT or SIGTERM.
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { explain, isTemporary, openStore } from "./store.js";

/**
 * Yields the messages of the categories, each once and in order, until stop is
 * aborted. After a broken subscription it resumes behind the last message that was
 * handled. It throws an error that a retry cannot fix.
 */
async function* subscribe({ store, hangUp }, categories, stop) {
  const request = { source: { case: "categories", value: { names: categories } }, after: [] };
  for (let pause = 100; !stop.aborted; pause = Math.min(2 * pause, 5_000)) {
    const silence = new Silence();
    let limit = 10_000;
    let broken = "the server ended the subscription";
    try {
      silence.begin(limit);
      for await (const { event } of store.subscribe(request, { signal: AbortSignal.any([stop, silence.signal]) })) {
        silence.end(); // the time to handle an event does not count
        switch (event.case) {
          case "started":
            limit = 2 * durationMs(event.value.heartbeatInterval);
            break;
          case "messages":
            for (const message of event.value.messages) {
              yield message;
              request.after = [{ position: message.globalPosition, messageId: message.id }];
            }
            break;
          case "caughtUp":
          case "progress": // also moves past messages of other categories
            request.after = [event.value.place];
            pause = 100;
        }
        silence.begin(limit);
      }
    } catch (err) {
      if (!stop.aborted && !isTemporary(err)) throw err;
      broken = explain(err);
    } finally {
      silence.end();
    }
    if (stop.aborted) return;
    console.error(`subscribing again: ${broken}`);
    await sleep(pause * (1 + Math.random()), undefined, { signal: stop }).catch(() => {});
    hangUp();
  }
}

/** Aborts a call through its signal if the server is silent for too long. */
class Silence {
  #controller = new AbortController();
  #timer;

  get signal() { return this.#controller.signal; }

  begin(limit) {
    const silent = new ConnectError(`nothing heard for ${limit} ms`, Code.Unavailable);
    this.#timer = setTimeout(() => this.#controller.abort(silent), limit);
  }

  end() { clearTimeout(this.#timer); }
}

const categories = process.argv.slice(2);
if (categories.length === 0) {
  console.error("usage: node tail.js CATEGORY...");
  process.exit(2);
}
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
try {
  for await (const m of subscribe(openStore(), categories, stop.signal)) {
    console.log(`${m.globalPosition} ${m.streamName} ${m.position} ${m.type} ${m.data}`);
  }
} catch (err) {
  console.error(explain(err));
  process.exit(1);
}
process.exit(0); // a connection attempt would keep the process running
