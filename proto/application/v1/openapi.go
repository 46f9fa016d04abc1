// Package applicationv1 is the API of the application, and its document.
package applicationv1

import _ "embed" // for the document

//go:embed application.swagger.json
var openAPI string

// OpenAPI returns the OpenAPI document (Swagger 2.0) that is generated from the
// package's services.
func OpenAPI() string { return openAPI }
