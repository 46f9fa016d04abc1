// Videotutorials runs the whole system on one machine: a private Postgres, the
// certificates, and all the other commands, each a process of its own, with
// mutual TLS. What dies is started again, and all ends with videotutorials.
package main

import "videotutorials/internal/service"

func main() {
	up := up{}
	env := env{}
	service.Main("videotutorials",
		service.Command{Help: "runs the whole system", Settings: &up, Run: up.run},
		service.Command{Name: "up", Help: "runs the whole system; the default", Settings: &up, Run: up.run},
		service.Command{Name: "env", Help: "prints shell exports for the running system: eval \"$(videotutorials env)\"",
			Settings: &env, Tool: true, Run: env.run},
	)
}
