package hosthttp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/collector"
	witRuntime "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/runtime"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
	outgoing "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/wasi_http_outgoing_handler"
	http "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/wasi_http_types"
	streams "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/wasi_io_streams"
)

// Bytes that are written and read at once.
const (
	writeBytes = 4096
	readBytes  = 64 << 10
)

// Send makes one request and reads its whole answer.
func Send(request *Request) (*Answer, error) {
	// What earlier answers were made of.
	collector.BeforeCall()
	made, err := outgoingRequest(request)
	if err != nil {
		return nil, err
	}
	body := made.Body().Ok()
	sent := outgoing.Handle(made, options(request))
	if sent.Tag() == wit.ResultErr {
		body.Drop()
		return nil, sentence(sent.Err())
	}
	future := sent.Ok()
	defer future.Drop()
	write(body, request.Body)
	ready := future.Subscribe()
	ready.Block()
	ready.Drop()
	answer := future.Get()
	if answer.Tag() == wit.OptionNone || answer.Some().Tag() == wit.ResultErr {
		return nil, fmt.Errorf("%s %s: its answer was taken already", request.Method, request.URL)
	}
	if got := answer.Some().Ok(); got.Tag() == wit.ResultErr {
		return nil, sentence(got.Err())
	}
	return read(answer.Some().Ok().Ok())
}

func outgoingRequest(request *Request) (*http.OutgoingRequest, error) {
	refused := func(what string) error {
		return fmt.Errorf("%s %s: %s is not one of HTTP", request.Method, request.URL, what)
	}
	url, err := Split(request.URL)
	if err != nil {
		return nil, err
	}
	var entries []wit.Tuple2[string, []uint8]
	for _, header := range request.Headers {
		entries = append(entries, wit.Tuple2[string, []uint8]{F0: header.Name, F1: []byte(header.Value)})
	}
	fields := http.FieldsFromList(entries)
	if fields.Tag() == wit.ResultErr {
		return nil, refused("a header")
	}
	made := http.MakeOutgoingRequest(fields.Ok())
	path := url.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	for _, part := range []struct {
		what string
		set  wit.Result[wit.Unit, wit.Unit]
	}{
		{"the method", made.SetMethod(method(request.Method))},
		{"the scheme", made.SetScheme(wit.Some(scheme(url.Scheme)))},
		{"the host", made.SetAuthority(wit.Some(url.Authority))},
		{"the path", made.SetPathWithQuery(wit.Some(path))},
	} {
		if part.set.Tag() == wit.ResultErr {
			made.Drop()
			return nil, refused(part.what)
		}
	}
	return made, nil
}

func method(name string) http.Method {
	switch name {
	case "GET":
		return http.MakeMethodGet()
	case "HEAD":
		return http.MakeMethodHead()
	case "POST":
		return http.MakeMethodPost()
	case "PUT":
		return http.MakeMethodPut()
	case "DELETE":
		return http.MakeMethodDelete()
	case "OPTIONS":
		return http.MakeMethodOptions()
	case "PATCH":
		return http.MakeMethodPatch()
	}
	return http.MakeMethodOther(name)
}

func scheme(name string) http.Scheme {
	switch name {
	case "http":
		return http.MakeSchemeHttp()
	case "https":
		return http.MakeSchemeHttps()
	}
	return http.MakeSchemeOther(name)
}

func options(request *Request) wit.Option[*http.RequestOptions] {
	if request.Timeout <= 0 {
		return wit.None[*http.RequestOptions]()
	}
	made := http.MakeRequestOptions()
	made.SetFirstByteTimeout(wit.Some(uint64(request.Timeout.Nanoseconds())))
	return wit.Some(made)
}

// write sends a body. Why it is refused is said by the answer.
func write(body *http.OutgoingBody, content []byte) {
	if len(content) > 0 {
		stream := body.Write().Ok()
		for chunk := range slices.Chunk(content, writeBytes) {
			if stream.BlockingWriteAndFlush(chunk).Tag() == wit.ResultErr {
				break
			}
		}
		stream.Drop()
	}
	http.OutgoingBodyFinish(body, wit.None[*http.Fields]())
}

func read(response *http.IncomingResponse) (*Answer, error) {
	defer response.Drop()
	answer := &Answer{Status: int(response.Status())}
	fields := response.Headers()
	for _, entry := range fields.Entries() {
		if utf8.Valid(entry.F1) {
			answer.Headers = append(answer.Headers, Header{strings.Clone(entry.F0), string(entry.F1)})
		}
	}
	fields.Drop()
	body := response.Consume().Ok()
	defer body.Drop()
	stream := body.Stream().Ok()
	defer stream.Drop()
	for {
		chunk := stream.BlockingRead(readBytes)
		if chunk.Tag() == wit.ResultOk {
			answer.Body = append(answer.Body, chunk.Ok()...)
			// What the host wrote has been copied.
			witRuntime.Unpin()
			continue
		}
		failed := chunk.Err()
		if failed.Tag() == streams.StreamErrorClosed {
			return answer, nil
		}
		cause := failed.LastOperationFailed()
		defer cause.Drop()
		return nil, errors.New(cause.ToDebugString())
	}
}

// sentence is why there is no answer, in the host's words.
func sentence(code http.ErrorCode) error {
	if code.Tag() == http.ErrorCodeInternalError && code.InternalError().Tag() == wit.OptionSome {
		return errors.New(strings.Clone(code.InternalError().Some()))
	}
	return fmt.Errorf("the request failed: code %d of wasi:http", code.Tag())
}
