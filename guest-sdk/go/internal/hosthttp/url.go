package hosthttp

import (
	"fmt"
	"strings"
)

// A URL is an absolute one, as far as requests need it: package net/url is a tenth of a small component.
type URL struct{ Scheme, Authority, Path string }

// Split takes an absolute URL apart. Its fragment is nobody's business.
func Split(url string) (URL, error) {
	whole, _, _ := strings.Cut(url, "#")
	scheme, rest, ok := strings.Cut(whole, "://")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if !ok || scheme == "" || end == 0 {
		return URL{}, fmt.Errorf("`%s` is not an absolute URL such as `https://api.example.com/items`", url)
	}
	return URL{scheme, rest[:end], rest[end:]}, nil
}

// isAbsolute says whether it begins with a scheme and an authority.
func isAbsolute(url string) bool {
	scheme, _, ok := strings.Cut(url, "://")
	return ok && scheme != "" && !strings.ContainsAny(scheme, "/?#")
}

// Join is where a redirect from base leads to.
func Join(base, location string) (string, error) {
	from, err := Split(base)
	origin := from.Scheme + "://" + from.Authority
	path, _, _ := strings.Cut(from.Path, "?")
	folder := path[:strings.LastIndex(path, "/")+1]
	switch {
	case err != nil:
		return "", err
	case isAbsolute(location):
		return location, nil
	case strings.HasPrefix(location, "//"):
		return from.Scheme + ":" + location, nil
	case strings.HasPrefix(location, "/"):
		return origin + location, nil
	case strings.HasPrefix(location, "?"):
		return origin + path + location, nil
	case folder == "":
		folder = "/"
	}
	return origin + folder + location, nil
}
