// The message store over gRPC: the client, and how to take its errors.
import { readFileSync } from "node:fs";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "./generated/error_details_pb.js";
import { MessageStoreService } from "./generated/messagestore/v1/messagestore_pb.js";

/**
 * Opens the message store that the environment names, as `videotutorials env`
 * prints it: its address, the authority that signs for it, and the certificate
 * and key that say who we are.
 *
 * hangUp ends the connection; the next call makes another. Call it before a call
 * is repeated, since Connect goes on with a connection that is silent, for ever.
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
 * Says whether the same call can succeed later. After a write the outcome is
 * unknown: repeat it with the same ids.
 */
export function isTemporary(err) {
  if (!(err instanceof ConnectError)) return false;
  // Without a status of the server it is the connection that broke. Connect has
  // many codes for that, Aborted too, which from the server is a conflict.
  return !err.metadata.has("grpc-status") || temporaryCodes.includes(err.code);
}

/** Returns the error for people, with the details that the store gives. */
export function explain(err) {
  if (!(err instanceof ConnectError)) return err.message;
  const [info] = err.findDetails(ErrorInfoSchema);
  if (info) return `${info.reason} ${JSON.stringify(info.metadata)}: ${err.rawMessage}`;
  const [bad] = err.findDetails(BadRequestSchema);
  if (bad) return bad.fieldViolations.map((v) => `${v.field}: ${v.description}`).join("\n");
  return err.message.trimEnd();
}
