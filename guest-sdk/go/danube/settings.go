package danube

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A setting is a field of a connector with a tag: `danube:"NAME"`, `danube:"NAME,default=VALUE"` or `danube:"NAME,required"`.
type setting struct {
	name     string
	fallback string
	defaults bool
	required bool
	field    reflect.Value
}

// fillSettings puts the table `config` into the connector's fields. A name that no field has is refused with those that are
// known, so that nobody looks for a misspelt one.
func fillSettings(connector any, name string, table json.RawMessage) error {
	settings, err := settingsOf(connector)
	if err != nil {
		return err
	}
	given := map[string]json.RawMessage{}
	if len(table) > 0 {
		if err := json.Unmarshal(table, &given); err != nil {
			return Configuration("the settings of `%s`: `config` is no table", name)
		}
	}
	if err := refuseUnknown(name, given, settings); err != nil {
		return err
	}
	for _, setting := range settings {
		if err := setting.fill(name, given[setting.name]); err != nil {
			return err
		}
	}
	return nil
}

func settingsOf(connector any) ([]setting, error) {
	value := reflect.ValueOf(connector)
	if value.Kind() != reflect.Pointer || value.Elem().Kind() != reflect.Struct {
		return nil, Fatal(errors.New("a connector is a pointer to a struct: danube.Source(&T{}), danube.Sink(&T{})"))
	}
	var found []setting
	for i, kind := 0, value.Elem().Type(); i < kind.NumField(); i++ {
		tag, ok := kind.Field(i).Tag.Lookup("danube")
		if !ok {
			continue
		}
		if !kind.Field(i).IsExported() {
			return nil, Fatal(errors.New("the field " + kind.Field(i).Name + " is a setting: begin its name with a capital letter"))
		}
		found = append(found, parseTag(tag, value.Elem().Field(i)))
	}
	return found, nil
}

func parseTag(tag string, field reflect.Value) setting {
	name, more, _ := strings.Cut(tag, ",")
	fallback, defaults := strings.CutPrefix(more, "default=")
	return setting{name: name, fallback: fallback, defaults: defaults, required: more == "required", field: field}
}

func refuseUnknown(connector string, given map[string]json.RawMessage, settings []setting) error {
	var known, unknown []string
	for _, setting := range settings {
		known = append(known, "`"+setting.name+"`")
	}
	for name := range given {
		if !slices.Contains(known, "`"+name+"`") {
			unknown = append(unknown, "`"+name+"`")
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	if len(known) == 0 {
		return Configuration("the settings of `%s`: unknown %s: the connector has no settings", connector, strings.Join(unknown, ", "))
	}
	return Configuration("the settings of `%s`: unknown %s: known are %s", connector,
		strings.Join(unknown, ", "), strings.Join(known, ", "))
}

func (s *setting) fill(connector string, given json.RawMessage) error {
	switch {
	case given != nil:
	case s.required:
		return Configuration("the settings of `%s`: `%s` is missing: it is %s", connector, s.name, jsonName(s.field.Kind()))
	case !s.defaults:
		return nil
	case s.field.Kind() == reflect.String:
		s.field.SetString(s.fallback)
		return nil
	default:
		given = json.RawMessage(s.fallback)
	}
	if s.field.Type() == reflect.TypeFor[time.Duration]() {
		return s.fillDuration(connector, given)
	}
	if err := json.Unmarshal(given, s.field.Addr().Interface()); err != nil {
		return Configuration("the settings of `%s`: `%s` is %s: %s is expected", connector, s.name, given, jsonName(s.field.Kind()))
	}
	return nil
}

// fillDuration reads text such as `50ms`.
func (s *setting) fillDuration(connector string, given json.RawMessage) error {
	duration, err := time.ParseDuration(strings.Trim(string(given), `"`))
	if err != nil {
		return Configuration("the settings of `%s`: `%s` is %s: a duration such as \"50ms\" is expected", connector, s.name, given)
	}
	s.field.SetInt(int64(duration))
	return nil
}
