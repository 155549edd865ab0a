// Package danubehttp makes requests to the hosts that the pipeline file grants the connector (`grants.http`).
//
//	answer, err := danubehttp.Get(url).Header("authorization", "secret:orders").Timeout(10 * time.Second).Send()
//
// The host makes them: it has the sockets and the secrets. A header whose value is `secret:NAME` is sent with the secret of that
// name, which the component never sees. In a test, what the option danubetest.HTTP names answers. A component that uses this
// package imports `wasi:http`, and is refused where no host is granted.
package danubehttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/hosthttp"
)

// RedirectsMax is how many redirects of a GET are followed.
const RedirectsMax = 5

// A Request is made by [Get], [Post] or [NewRequest], and sent by Send.
type Request struct {
	asked hosthttp.Request
	err   error
}

// Get asks an absolute URL.
func Get(url string) *Request { return NewRequest("GET", url) }

// Post sends a body to an absolute URL.
func Post(url string, body []byte) *Request { return NewRequest("POST", url).Body(body) }

// NewRequest is of any method.
func NewRequest(method, url string) *Request {
	return &Request{asked: hosthttp.Request{Method: method, URL: url}}
}

// Header adds a header.
func (r *Request) Header(name, value string) *Request {
	r.asked.Headers = append(r.asked.Headers, hosthttp.Header{Name: name, Value: value})
	return r
}

// Body gives it a body.
func (r *Request) Body(body []byte) *Request {
	r.asked.Body = body
	return r
}

// JSON gives it a value as JSON, with its content-type unless another was given before.
func (r *Request) JSON(value any) *Request {
	body, err := json.Marshal(value)
	if err != nil {
		r.err = danube.InvalidData("a body has no JSON: %s", err)
	}
	if _, ok := r.asked.Header("content-type"); !ok {
		r.Header("content-type", "application/json")
	}
	return r.Body(body)
}

// Timeout is how long it may take, with its answer; no longer than `grants.http.request_timeout_ms` in any case.
func (r *Request) Timeout(timeout time.Duration) *Request {
	r.asked.Timeout = timeout
	return r
}

// Send makes the request and returns its whole answer, whatever its status. Redirects of a GET are followed: each is a request of
// its own, which must be granted, too. Where there is no answer, the error is the host's sentence and [danube.Retryable]: what was
// not answered may be answered later.
func (r *Request) Send() (*Response, error) {
	if r.err != nil {
		return nil, r.err
	}
	asked := r.asked
	for range RedirectsMax + 1 {
		if _, err := hosthttp.Split(asked.URL); err != nil {
			return nil, unanswered(err)
		}
		answer, err := hosthttp.Send(&asked)
		if err != nil {
			return nil, unanswered(err)
		}
		response := &Response{URL: asked.URL, Status: answer.Status, Body: answer.Body, headers: answer.Headers}
		location, ok := response.Header("location")
		if asked.Method != "GET" || !moved(answer.Status) || !ok {
			return response, nil
		}
		if asked.URL, err = hosthttp.Join(asked.URL, location); err != nil {
			return nil, unanswered(err)
		}
	}
	return nil, unanswered(fmt.Errorf("more than %d redirects, the last to %s", RedirectsMax, asked.URL))
}

func moved(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// unanswered is tried again, unless a test said otherwise.
func unanswered(err error) error {
	var ours *danube.Error
	if errors.As(err, &ours) {
		return err
	}
	return danube.Retryable(err, 0)
}

// A Response is an answer.
type Response struct {
	// URL is whose answer it is: after redirects another one than was asked.
	URL string
	// Status is such as 200.
	Status int
	Body   []byte

	headers []hosthttp.Header
}

// OK says whether the status is of 200 to 299.
func (r *Response) OK() bool { return r.Status >= 200 && r.Status <= 299 }

// Header is the first header of this name, whatever its case.
func (r *Response) Header(name string) (value string, ok bool) {
	for _, header := range r.headers {
		if strings.EqualFold(header.Name, name) {
			return header.Value, true
		}
	}
	return "", false
}

// JSON reads the body into a value; an error that is [danube.Retryable] if it is no JSON or does not fit.
func (r *Response) JSON(value any) error {
	if err := hosthttp.Decode(r.Body, value); err != nil {
		return danube.Retryable(fmt.Errorf("the answer of %s is %w", r.URL, err), 0)
	}
	return nil
}
