package danube

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest ids, in bytes.
const (
	idBytesMax         = 256
	documentIDBytesMax = 512
)

// Longest parts of an answer, in bytes.
const (
	contentTypeBytesMax = 256
	bodyBytesMax        = 64 << 10
)

// checkOutput looks at what any output has: an id, if it has one, and where it came from.
func checkOutput(id string, max int, origins []uint32) error {
	if len(origins) == 0 {
		return Fatal(errors.New("an output was made from nothing: name those it came from, as in out.From(e).Add(…)"))
	}
	if id == "" {
		return nil
	}
	return checkID(id, max)
}

func checkID(id string, max int) error {
	if id == "" || len(id) > max || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return InvalidData("an id has 1 to %d bytes of UTF-8 and no control characters", max)
	}
	return nil
}

func checkAnswer(status int, contentType string, body []byte) error {
	if status < 200 || status > 499 {
		return InvalidData("an answer's status is within 200 to 499, not %d", status)
	}
	unprintable := func(r rune) bool { return r < 0x20 || r > 0x7e }
	if len(contentType) > contentTypeBytesMax || strings.ContainsFunc(contentType, unprintable) {
		return InvalidData("an answer's content type is printable ASCII of at most %d bytes", contentTypeBytesMax)
	}
	if len(body) > bodyBytesMax {
		return InvalidData("an answer's body has at most %d bytes, not %d", bodyBytesMax, len(body))
	}
	return nil
}
