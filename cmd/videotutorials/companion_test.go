package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"videotutorials/internal/test/testserver"
)

// A companion is another process of the system, with its own ports.
type companion struct {
	s    *system
	name string
	args []string
	env  []string
	cmd  *exec.Cmd
}

// components runs the named components until the test ends.
func (s *system) components(only string, env ...string) *companion {
	s.t.Helper()
	return s.companion("components", []string{"-only", only}, append(env, "VT_PUBLIC_URL="+s.url)...)
}

// aggregators runs all aggregators until the test ends.
func (s *system) aggregators() *companion {
	s.t.Helper()
	return s.companion("aggregators", nil,
		"VT_VIEWDATA_URL="+exported(s.t, s, "VT_PSQL_VIEWDATA"), "VT_CERTS="+s.data.certs())
}

func (s *system) companion(name string, args []string, env ...string) *companion {
	s.t.Helper()
	c := &companion{s: s, name: name, args: args}
	c.env = append(foreign(os.Environ()), "VT_PORT="+strconv.Itoa(testserver.FreePort(s.t)),
		"VT_DATA_DIR="+string(s.data), "VT_MESSAGESTORE_ADDR="+exported(s.t, s, "VT_MESSAGESTORE_ADDR"))
	c.env = append(c.env, env...)
	c.start()
	s.t.Cleanup(c.kill)
	return c
}

// start starts the process, the first time or again.
func (c *companion) start() {
	c.s.t.Helper()
	c.cmd = exec.Command(filepath.Join(binaries, c.name), c.args...) //nolint:noctx // kill ends it
	c.cmd.Env = c.env
	c.cmd.Stdout, c.cmd.Stderr = c.s.t.Output(), c.s.t.Output()
	if err := c.cmd.Start(); err != nil {
		c.s.t.Fatal(err)
	}
}

// kill kills the process.
func (c *companion) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
