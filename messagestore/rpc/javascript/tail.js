// Prints the messages of categories, a line each: first the past, then each
// message as it is stored, until SIGINT or SIGTERM.
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { explain, isTemporary, openStore } from "./store.js";

/**
 * Yields the messages of the categories, each once and in order, until stop.
 * When the subscription breaks, it goes on after the last message that was
 * handled. It throws what another try cannot mend.
 */
async function* follow({ store, hangUp }, categories, stop) {
  const request = { source: { case: "categories", value: { names: categories } }, after: [] };
  for (let pause = 100; !stop.aborted; pause = Math.min(2 * pause, 5_000)) {
    const silence = new Silence();
    let limit = 10_000;
    let broken = "the server ended the subscription";
    try {
      silence.begin(limit);
      for await (const { event } of store.subscribe(request, { signal: AbortSignal.any([stop, silence.signal]) })) {
        silence.end(); // the time of who handles the event is not the server's
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
          case "progress": // also past messages of other categories
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

/** Ends a call by its signal when nothing is heard for too long. */
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
  for await (const m of follow(openStore(), categories, stop.signal)) {
    console.log(`${m.globalPosition} ${m.streamName} ${m.position} ${m.type} ${m.data}`);
  }
} catch (err) {
  console.error(explain(err));
  process.exit(1);
}
process.exit(0); // not by itself, while a connection is being made
