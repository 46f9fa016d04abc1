package main

import (
	_ "embed"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"videotutorials/internal/certificate"
	"videotutorials/internal/test/testserver"
)

// An exim is a process of Debian's mail server, which delivers into a folder.
type exim struct {
	// Folder contains the configuration, the certificates and the mails.
	Folder string
	// SMTP is the port without authentication. SMTPS requires User and Password.
	SMTP, SMTPS    int
	User, Password string
}

// eximConfig is a template of the configuration.
//
//go:embed testdata/exim.conf
var eximConfig string

// newExim runs a server until the test ends.
func newExim(t *testing.T) *exim {
	t.Helper()
	path := "/usr/sbin/exim4" // not in the PATH of every user
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: install Debian's package exim4-daemon-light, as `make test` does", err)
	}
	folder, err := os.MkdirTemp("", "videotutorials-exim-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = asRoot("rm", "-rf", folder).Run() })
	port := testserver.FreePort(t)
	e := &exim{Folder: folder, SMTP: port, SMTPS: port + 1, User: "videotutorials", Password: "battery-staple"}
	authority, err := certificate.OpenAuthority(filepath.Join(folder, "certs"))
	if err == nil {
		err = authority.Issue("mail", "spiffe://mail")
	}
	if err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	if err := template.Must(template.New("").Parse(eximConfig)).Execute(&config, e); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "exim.conf")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	e.run(t, path, file)
	return e
}

// run runs the server as its own user, which owns the folder except the configuration.
func (e *exim) run(t *testing.T, path, config string) {
	t.Helper()
	const script = `chown -R Debian-exim: "$1" && chown root: "$2" && chmod 755 "$1" "$1/certs" "$2" && exec "$0" -C "$2" -bdf`
	cmd := asRoot("sh", "-c", script, path, e.Folder, config)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for _, port := range []int{e.SMTP, e.SMTPS} {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if !eventually(waitLimit, func() bool {
			conn, err := net.DialTimeout("tcp", address, time.Second) //nolint:noctx // bounded
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		}) {
			t.Fatalf("exim does not accept connections at %s", address)
		}
	}
}

// asRoot returns a command that root runs: only root can switch to the user of exim.
func asRoot(name string, args ...string) *exec.Cmd {
	if os.Geteuid() != 0 {
		name, args = "sudo", append([]string{"-n", name}, args...)
	}
	return exec.Command(name, args...) //nolint:noctx // the caller ends it
}

// plain returns the settings of a component for SMTP.
func (e *exim) plain() []string {
	return []string{"VT_SMTP_URL=smtp://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(e.SMTP)), e.authority()}
}

// encrypted returns the settings of a component for SMTPS.
func (e *exim) encrypted(password string) []string {
	u := url.URL{Scheme: "smtps", User: url.UserPassword(e.User, password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(e.SMTPS))}
	return []string{"VT_SMTP_URL=" + u.String(), e.authority()}
}

// authority returns the setting that trusts the authority of the server.
func (e *exim) authority() string {
	return "SSL_CERT_FILE=" + filepath.Join(e.Folder, "certs", "ca.crt")
}
