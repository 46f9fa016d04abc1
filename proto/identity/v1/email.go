package identityv1 //nolint:revive // the generated identity.pb.go has the package comment

import "strings"

// NormalizeEmail returns the form of an e-mail address in which addresses are
// stored and compared: in lower case, without surrounding space. It does not
// check that email is an address.
func NormalizeEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
