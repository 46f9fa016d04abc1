// Components runs the components of Video Tutorials.
package main

import (
	"videotutorials/components"
	"videotutorials/components/identity"
	"videotutorials/components/sendemail"
	"videotutorials/components/videopublishing"
)

func main() {
	components.Main(
		identity.Component(),
		sendemail.Component(),
		videopublishing.Component(),
	)
}
