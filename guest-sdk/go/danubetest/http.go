package danubetest

import (
	"errors"
	"strings"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/hosthttp"
)

// A Request is one that a connector made.
type Request struct {
	Method, URL string
	// Headers by their names in lower case.
	Headers map[string]string
	Body    string
	Timeout time.Duration
}

// A Response answers it. Status 0 is 200.
type Response struct {
	Status  int
	Headers map[string]string
	Body    string
}

// answers keeps each request and asks the test.
func (r *Recorder) answers(answer func(*Request) (*Response, error)) func(*hosthttp.Request) (*hosthttp.Answer, error) {
	if answer == nil {
		return nil
	}
	return func(asked *hosthttp.Request) (*hosthttp.Answer, error) {
		request := Request{asked.Method, asked.URL, map[string]string{}, string(asked.Body), asked.Timeout}
		for _, header := range asked.Headers {
			request.Headers[strings.ToLower(header.Name)] = header.Value
		}
		r.Requests = append(r.Requests, request)
		response, err := answer(&request)
		if err != nil {
			return nil, err
		}
		if response == nil {
			return &hosthttp.Answer{Status: 404}, nil
		}
		return response.answer(), nil
	}
}

func (r *Response) answer() *hosthttp.Answer {
	answer := &hosthttp.Answer{Status: r.Status, Body: []byte(r.Body)}
	if answer.Status == 0 {
		answer.Status = 200
	}
	for name, value := range r.Headers {
		answer.Headers = append(answer.Headers, hosthttp.Header{Name: name, Value: value})
	}
	return answer
}

// NotGranted is what the host says of a request to a host that is not granted: for an [HTTP] that answers nothing else.
var NotGranted = errors.New("this host is not granted in this test")
