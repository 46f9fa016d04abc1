package identity

import (
	"path/filepath"

	"videotutorials/components"
	"videotutorials/internal/token"
)

// Component returns the component as components.Main runs it. The secret that
// signs links is the file secret in the data folder.
func Component() components.Component {
	return components.Component{
		Name: "identity",
		Consumers: func(p components.Process) ([]components.Consumer, error) {
			secret, err := token.ReadSecret(filepath.Join(p.DataDir, "secret"))
			if err != nil {
				return nil, err
			}
			return Consumers(Mail{PublicURL: p.PublicURL, Secret: secret}), nil
		},
	}
}
