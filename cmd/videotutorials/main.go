// Videotutorials runs the whole system on one machine: a private Postgres, the
// certificates, and all the other commands, each a process of its own, with
// mutual TLS. What dies is started again, and all ends with videotutorials.
package main

import "videotutorials/internal/service"

func main() {
	up := up{}
	env, populate, grant, rebuild, classical := env{}, populate{}, grant{}, rebuild{}, classical{}
	service.Main("videotutorials",
		service.Command{Help: "runs the whole system", Settings: &up, Run: up.run},
		service.Command{Name: "up", Help: "runs the whole system; the default", Settings: &up, Run: up.run},
		service.Command{Name: "env", Help: "prints shell exports for the running system: eval \"$(videotutorials env)\"",
			Settings: &env, Tool: true, Run: env.run},
		service.Command{Name: "populate", Help: "registers users in the running system, publishes videos and watches them", Settings: &populate, Tool: true, Run: populate.run},
		service.Command{Name: "grant-admin", Help: "makes the user with that address an administrator", Args: "EMAIL",
			Settings: &grant, Tool: true, Run: grant.run},
		service.Command{Name: "rebuild", Help: "makes an aggregator's view again from the log", Args: "AGGREGATOR",
			Settings: &rebuild, Tool: true, Run: rebuild.run},
		service.Command{Name: "mvc", Help: "runs the classical version, beside the system or alone", Settings: &classical, Run: classical.run},
	)
}
