// Openapi validates OpenAPI documents (Swagger 2.0), examples included. Its
// arguments are files. It prints errors and warnings and exits with 1 if there are
// any.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-openapi/loads"
	"github.com/go-openapi/strfmt"
	"github.com/go-openapi/validate"
)

func main() {
	valid := len(os.Args) > 1
	for _, file := range os.Args[1:] {
		if err := check(file); err != nil {
			valid = false
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
		}
	}
	if !valid {
		os.Exit(1)
	}
}

func check(file string) error {
	document, err := loads.Spec(file)
	if err != nil {
		return err
	}
	validator := validate.NewSpecValidator(document.Schema(), strfmt.Default)
	validator.SetContinueOnErrors(true)
	problems, _ := validator.Validate(document)
	// An example that does not match its schema is only a warning.
	return errors.Join(append(problems.Errors, problems.Warnings...)...)
}
