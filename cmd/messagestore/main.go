// Messagestore is the message store: the server, and its command line.
package main

import (
	"context"
	"log/slog"
	"os"

	"videotutorials/internal/service"
)

func main() {
	s := &serve{}
	service.Main("messagestore",
		service.Command{Name: "serve", Help: "serve the message store over gRPC", Settings: s, Run: s.run},
		tool("write", "STREAM TYPE [DATA]",
			"write a message to a stream, with DATA, a JSON object ({} by default, - for the input); or, with -stdin, many", &writeMessages{}),
		tool("read", sourceArgs, "print stored messages: global position, time, stream, position, type, data", &readMessages{}),
		tool("tail", sourceArgs, "print messages as they are stored, until interrupted; reconnects to the store", &tailMessages{}),
		tool("streams", "[CATEGORY]", "list all streams, or those of a category: number of messages, time of the last one, name", &listStreams{}),
		tool("categories", "", "list the categories: number of streams, number of messages, name, owner ("+noOwner+": none)", &listCategories{}),
		tool("owner", "CATEGORY [PRINCIPAL]",
			"print the owner of the category ("+noOwner+": none), or transfer it to PRINCIPAL, as an operator", &categoryOwner{}),
		tool("audit", "",
			"walk the whole log: exit 0 if it is clean, 1 if not (a line for each damage: kind, stream, position), 2 if it could not be checked",
			&auditLog{out: os.Stdout}),
		tool("import", "",
			"write the messages of the input, lines of `read -json`; may be repeated. "+
				"Positions, time and writer are new; claims and consumers' positions are left out", &importMessages{}),
		tool("bench", "", "measure writes of one small message each; the messages stay in the log for ever", &benchWrites{}),
	)
}

// tool returns a command that ends by itself. Settings are its settings.
func tool(name, args, help string, settings interface {
	run(ctx context.Context, log *slog.Logger, args []string) error
}) service.Command {
	return service.Command{Name: name, Args: args, Help: help, Settings: settings, Tool: true, Run: settings.run}
}
