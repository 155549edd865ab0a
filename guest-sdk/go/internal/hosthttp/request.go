// Package hosthttp makes requests: over `wasi:http` in a component, by what a test names natively.
package hosthttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A Request is what is asked.
type Request struct {
	Method, URL string
	Headers     []Header
	Body        []byte
	// Timeout is none where it is 0.
	Timeout time.Duration
}

// A Header is one of a request or an answer.
type Header struct{ Name, Value string }

// Header is the first one of this name, whatever its case.
func (r *Request) Header(name string) (value string, ok bool) {
	for _, header := range r.Headers {
		if strings.EqualFold(header.Name, name) {
			return header.Value, true
		}
	}
	return "", false
}

// An Answer is what came of it.
type Answer struct {
	Status  int
	Headers []Header
	Body    []byte
}

// Decode reads JSON; an error that says `not JSON: …`.
func Decode(body []byte, value any) error {
	if !utf8.Valid(body) {
		return errors.New("not JSON: it is not UTF-8")
	}
	if err := json.Unmarshal(body, value); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return nil
}

// Answers answers the requests of a test.
var Answers func(*Request) (*Answer, error)
