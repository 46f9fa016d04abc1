package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// Two instances of each component and of the aggregators handle each of hundreds of
// registrations once.
func TestFlow12_TwoInstances(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.up()
	s := start(t, newFolder(t), []string{server.setting()})
	s.components("identity,sendemail", server.setting())
	s.aggregators()
	s.videotutorials("populate", "-users", fmt.Sprint(crowd))
	s.until("all mails are sent", func() bool { return s.mailed() == crowd })
	s.checkCrowd(server)
	for id, mails := range server.taken() {
		if len(mails) != 1 {
			t.Errorf("mail %s was sent %d times", id, len(mails))
		}
	}
}

const (
	// crowd is the number of registrations.
	crowd = 300
	// kills is the number of instances killed meanwhile.
	kills = 12
)

// mailed returns the number of registrations in the log whose mail is sent.
func (s *system) mailed() int {
	s.t.Helper()
	return s.count("select count(*) from message_store.messages where type = 'RegistrationEmailSent'")
}

// checkCrowd checks that each user has each message of a registration once, one row in
// each view, and mails to one address.
func (s *system) checkCrowd(server *mailServer) {
	s.t.Helper()
	for _, name := range strings.Fields("Register EmailAddressReserved Registered Send Sent RegistrationEmailSent") {
		n := s.count("select count(*) from message_store.messages where type = $1", name)
		streams := s.count("select count(distinct stream_name) from message_store.messages where type = $1", name)
		if n != crowd || streams != crowd {
			s.t.Errorf("%d %s in %d streams, want one in each of %d", n, name, streams, crowd)
		}
	}
	for table, condition := range map[string]string{
		"user_credentials": "true", "registrations": "succeeded", "admin_users": "registration_email_sent",
	} {
		s.until(table+" has all users", func() bool {
			return s.countView("select count(*) from "+table+" where "+condition) == crowd &&
				s.countView("select count(*) from "+table) == crowd
		})
	}
	to := map[string]bool{}
	for _, mails := range server.taken() {
		to[mails[0].to()] = true
	}
	if len(to) != crowd || len(server.taken()) != crowd {
		s.t.Errorf("%d mails to %d addresses, want one to each of %d", len(server.taken()), len(to), crowd)
	}
}

// lost is the lease of an attempt to send a mail: after it another attempt is made.
const lost = 20 * time.Second

// Instances are killed and restarted during the registrations, first those of
// send-email after the mail server has accepted a mail and before it answers. A mail
// is sent again only after a lost attempt, and everything else happens once.
func TestFlow12_OneOfThemKilled(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(testSeed(t), 0)) //nolint:gosec // must be repeatable
	server := newMailServer(t)
	taken, killed := make(chan string, 1), make(chan struct{})
	var once sync.Once
	server.hold = func(l receivedMail) {
		once.Do(func() {
			taken <- l.id()
			<-killed
		})
	}
	server.up()
	s := start(t, newFolder(t), nil, "-only", "messagestore,application")
	senders := []*companion{s.components("sendemail", server.setting()), s.components("sendemail", server.setting())}
	running := append([]*companion{s.aggregators(), s.aggregators(), s.components("identity"), s.components("identity")}, senders...)
	var populating sync.WaitGroup
	defer populating.Wait()
	populating.Go(func() {
		if code, output := finish(t, command(s.data, nil, "populate", "-users", fmt.Sprint(crowd))); code != 0 {
			t.Errorf("populate: exit code %d, output %s", code, output)
		}
	})
	late := <-taken
	for _, sender := range senders {
		sender.kill()
		sender.start()
	}
	close(killed)
	for n := range kills {
		goal := (n + 1) * crowd / (kills + 2)
		s.within(lost+waitLimit, "registrations continue", func() bool { return s.mailed() >= goal })
		victim := running[random.IntN(len(running))]
		t.Logf("with %d mails: kill %s %v", s.mailed(), victim.name, victim.args)
		victim.kill()
		victim.start()
	}
	s.within(lost+waitLimit, "all mails are sent", func() bool { return s.mailed() == crowd })
	s.checkCrowd(server)
	s.checkSentAgain(server)
	t.Run("Flow02_CrashBetweenMailAndSent", func(t *testing.T) {
		mail := strings.TrimSuffix(strings.TrimPrefix(late, "<"), "@videotutorials>")
		if got := types(s.read("stream_name = $1", "sendEmail-"+mail)); !strings.HasPrefix(got, "SendAttempted SendAttempted ") || !strings.HasSuffix(got, " Sent") {
			t.Errorf("the stream of the mail has %s, want two attempts and one Sent", got)
		}
		if n := len(server.taken()[late]); n < 2 {
			t.Errorf("the mail was sent %d times, want it again after the crash", n)
		}
	})
}

// checkSentAgain checks that each mail was sent at most once per attempt.
func (s *system) checkSentAgain(server *mailServer) {
	s.t.Helper()
	again := 0
	for id, mails := range server.taken() {
		mail := strings.TrimSuffix(strings.TrimPrefix(id, "<"), "@videotutorials>")
		if len(mails) == 1 {
			continue
		}
		again++
		if n := s.count("select count(*) from message_store.messages where type = 'SendAttempted' and stream_name = $1", "sendEmail-"+mail); n < len(mails) {
			s.t.Errorf("mail %s was sent %d times in %d attempts", id, len(mails), n)
		}
	}
	s.t.Logf("%d of %d mails were sent again", again, crowd)
}
