package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// After a backup of one log is restored over another log, the views and the positions
// match the backup.
func TestRestore(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	s.register("ann@example.org")
	s.view()
	s.shows("1")
	s.logIn("ann@example.org", password)
	s.until("the mail is sent", func() bool { return len(s.read("type = 'RegistrationEmailSent'")) == 1 })
	backup := filepath.Join(t.TempDir(), "log.dump")
	s.shell(`pg_dump -Fc -f ` + backup + ` "$VT_PSQL_MESSAGESTORE"`)
	s.view() // not in the backup
	s.stop()

	data := newFolder(t)
	s = start(t, data, nil)
	s.register("bob@example.org")
	for range 2 {
		s.view()
	}
	s.shows("2")
	s.stop()
	s = start(t, data, nil, "-only", "postgres")
	s.shell(`pg_restore --clean --create -d "$VT_PSQL_VIEWDATA" ` + backup)
	s.stop()

	s = start(t, data, nil)
	s.shows("1")
	s.logIn("ann@example.org", password)
	s.register("eve@example.org")
	s.until("the mail to another user is sent", func() bool { return len(s.read("type = 'RegistrationEmailSent'")) == 2 })
	if n := s.countView("select count(*) from user_credentials where email = 'bob@example.org'"); n != 0 {
		t.Errorf("a user of the other log has credentials")
	}
}

// shell runs the commands in a shell with the variables of `videotutorials env`.
func (s *system) shell(commands string) {
	s.t.Helper()
	sh := exec.CommandContext(s.t.Context(), "sh", "-ec", `eval "$(videotutorials env)"; `+commands)
	sh.Env = append(command(s.data, nil).Env, "PATH="+binaries+":"+os.Getenv("PATH"))
	if output, err := sh.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v: %s", commands, err, output)
	}
}
