package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
)

// client has the settings of all commands except serve and audit: those of the
// connection to the store, and of the output.
type client struct {
	Addr     string `name:"addr" env:"VT_MESSAGESTORE_ADDR" default:"127.0.0.1:8090" help:"host and port of the message store; several comma-separated"`
	CA       string `name:"ca" env:"VT_CA" help:"file with the certificate of the authority; required, like the next two, unless insecure"`
	Cert     string `name:"cert" env:"VT_CERT" help:"file with the certificate of the caller"`
	Key      string `name:"key" env:"VT_KEY" help:"file with its key"`
	Insecure bool   `name:"insecure" env:"VT_INSECURE" default:"false" help:"no TLS: the caller is anonymous"`
	JSON     bool   `name:"json" default:"false" help:"print JSON, one object per line, with the field names of the proto"`
}

// call calls do with the store. It flushes the output of do even after an error,
// and makes an error of the store readable.
func (c *client) call(do func(store messagestore.Store, p *printer) error) error {
	config, err := c.tls()
	if err != nil {
		return err
	}
	store, err := rpc.Dial(c.Addr, config)
	if err != nil {
		return &service.UsageError{Reason: err.Error()}
	}
	p := &printer{bufio.NewWriter(os.Stdout), c.JSON}
	err = do(store, p)
	return readable("", errors.Join(err, p.out.Flush(), store.Close()))
}

// tls returns nil for a client without TLS.
func (c *client) tls() (*tls.Config, error) {
	if c.Insecure {
		return nil, nil
	}
	if c.CA == "" || c.Cert == "" || c.Key == "" {
		return nil, &service.UsageError{Reason: "VT_CA, VT_CERT and VT_KEY are required, or VT_INSECURE=true: " +
			"eval \"$(videotutorials env)\" sets them for the running system"}
	}
	return certificate.ClientFiles(c.CA, c.Cert, c.Key)
}

// sourceOf parses a source: $all, a stream, or comma-separated categories.
func sourceOf(arg string) messagestore.Source {
	switch {
	case arg == "$all":
		return messagestore.OfAll()
	case strings.Contains(arg, "-"):
		return messagestore.OfStream(messagestore.Stream(arg))
	}
	var categories []messagestore.Category
	for name := range strings.SplitSeq(arg, ",") {
		categories = append(categories, messagestore.Category(name))
	}
	return messagestore.OfCategories(categories...)
}

// usage returns a *service.UsageError.
func usage(format string, a ...any) error {
	return &service.UsageError{Reason: fmt.Sprintf(format, a...)}
}
