// Messagestore is the message store: the server, and its command line.
package main

import (
	"os"

	"videotutorials/internal/service"
)

func main() {
	s := &serve{}
	t := terminal{os.Stdin, os.Stdout}
	service.Main("messagestore",
		service.Command{Name: "serve", Help: "serve the message store over gRPC", Settings: s, Run: s.run},
		writeCommand(t),
		readCommand(t),
		tailCommand(t),
		streamsCommand(t),
		categoriesCommand(t),
		ownerCommand(t),
		auditCommand(),
		importCommand(t),
		benchCommand(t),
	)
}
