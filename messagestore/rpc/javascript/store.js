// A client of the message store over gRPC, and functions for its errors.
import { readFileSync } from "node:fs";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "./generated/error_details_pb.js";
import { MessageStoreService } from "./generated/messagestore/v1/messagestore_pb.js";

/**
 * Returns a client of the message store that the environment names, in the
 * variables that `videotutorials env` prints: the store's address, the authority
 * that it trusts, and the client's certificate and key.
 *
 * hangUp closes the connection; the next call opens a new one. Call it before
 * repeating a call, because Connect never gives up a silent connection.
 */
export function openStore() {
  const url = `https://${setting("VT_MESSAGESTORE_ADDR")}`;
  const sessionManager = new Http2SessionManager(url, {}, {
    ca: readFileSync(setting("VT_CA")),
    cert: readFileSync(setting("VT_CERT")),
    key: readFileSync(setting("VT_KEY")),
  });
  const store = createClient(MessageStoreService, createGrpcTransport({ baseUrl: url, sessionManager }));
  return { store, hangUp: () => sessionManager.abort() };
}

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: eval "$(videotutorials env)"`);
  return value;
}

const temporaryCodes = [Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted];

/**
 * Reports whether the same call may succeed later. The outcome of a write is then
 * unknown: repeat it with the same ids.
 */
export function isTemporary(err) {
  if (!(err instanceof ConnectError)) return false;
  // An error without a status from the server is a broken connection. Connect
  // gives it one of many codes, such as Aborted, a conflict if the server sends it.
  return !err.metadata.has("grpc-status") || temporaryCodes.includes(err.code);
}

/** Returns the text of an error with the details from the store. */
export function explain(err) {
  if (!(err instanceof ConnectError)) return err.message;
  const [info] = err.findDetails(ErrorInfoSchema);
  if (info) return `${info.reason} ${JSON.stringify(info.metadata)}: ${err.rawMessage}`;
  const [bad] = err.findDetails(BadRequestSchema);
  if (bad) return bad.fieldViolations.map((v) => `${v.field}: ${v.description}`).join("\n");
  return err.message.trimEnd();
}
