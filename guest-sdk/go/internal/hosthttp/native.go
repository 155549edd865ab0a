//go:build !wasip1

package hosthttp

import "errors"

// Send asks the test.
func Send(request *Request) (*Answer, error) {
	if Answers == nil {
		return nil, errors.New("nothing answers in this test: give the harness the option danubetest.HTTP")
	}
	return Answers(request)
}
