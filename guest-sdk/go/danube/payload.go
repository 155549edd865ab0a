package danube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// decode reads JSON into a value. What is no JSON and what does not fit are told apart.
func decode(payload []byte, v any) error {
	if !utf8.Valid(payload) {
		return InvalidData("not JSON: it is not UTF-8")
	}
	err := json.Unmarshal(payload, v)
	if err == nil {
		return nil
	}
	var fit *json.UnmarshalTypeError
	if errors.As(err, &fit) {
		return misfit(fit)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return InvalidData("not JSON: %s, at byte %d", syntax, syntax.Offset)
	}
	return InvalidData("%s", err)
}

func misfit(fit *json.UnmarshalTypeError) error {
	if fit.Field == "" {
		return InvalidData("a JSON %s where %s is expected", fit.Value, jsonName(fit.Type.Kind()))
	}
	return InvalidData("`%s` is a JSON %s where %s is expected", fit.Field, fit.Value, jsonName(fit.Type.Kind()))
}

// encode appends a value as JSON. Nothing is appended if it has no JSON.
func encode(to []byte, v any) ([]byte, error) {
	if _, isBytes := v.([]byte); isBytes {
		return to, Fatal(errors.New("bytes are no JSON: give JSON text as a json.RawMessage, or other bytes to Records.AddBytes"))
	}
	buffer := bytes.NewBuffer(to)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return to, InvalidData("%s", fmt.Errorf("an output has no JSON: %w", err))
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// text is a payload that is UTF-8.
func text(payload []byte) (string, error) {
	if !utf8.Valid(payload) {
		return "", InvalidData("it is not UTF-8")
	}
	return string(payload), nil
}
