// Videotutorials runs the whole system on one machine: a private Postgres, the
// certificates, and the other programs, each as a process, with mutual TLS. It
// restarts a process that ends, and stops all of them when it is stopped.
package main

import "videotutorials/internal/service"

func main() {
	up := up{}
	env, populate, grant, rebuild, classical := env{}, populate{}, grant{}, rebuild{}, classical{}
	service.Main("videotutorials",
		service.Command{Help: "run the whole system", Settings: &up, Run: up.run},
		service.Command{Name: "up", Help: "run the whole system; the default", Settings: &up, Run: up.run},
		service.Command{Name: "env", Help: "print shell exports for the running system: eval \"$(videotutorials env)\"",
			Settings: &env, Tool: true, Run: env.run},
		service.Command{Name: "populate", Help: "register users in the running system, publish videos and watch them", Settings: &populate, Tool: true, Run: populate.run},
		service.Command{Name: "grant-admin", Help: "make the user with the address an administrator", Args: "EMAIL",
			Settings: &grant, Tool: true, Run: grant.run},
		service.Command{Name: "rebuild", Help: "compute an aggregator's view again from the log", Args: "AGGREGATOR",
			Settings: &rebuild, Tool: true, Run: rebuild.run},
		service.Command{Name: "mvc", Help: "run the classical version, beside the system or alone", Settings: &classical, Run: classical.run},
	)
}
