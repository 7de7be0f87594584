package serve_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/serve"
)

func hashed(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func TestUsers(t *testing.T) {
	users, err := serve.ReadUsers(strings.NewReader("# who may\n\nann:" + hashed(t, "secret") + "\n bob:" + hashed(t, "pass:word") + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := placetest.Image(t, placetest.ImageSpec{})
	seen := make(chan serve.Access, 100)
	h := start(t, serve.Options{
		Places: []serve.Place{{Source: memory(t, c, "example.com/app:1")}}, Users: users,
		Access: func(a serve.Access) { seen <- a },
	})
	basic := func(user, password string) string {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	h.get("/v2/", "Authorization", basic("ann", "secret")).is(http.StatusOK)
	if a := <-seen; a.User != "ann" {
		t.Errorf("%+v", a)
	}
	h.get("/v2/", "Authorization", basic("ann", "wrong")).is(http.StatusUnauthorized)
	if a := <-seen; a.User != "" {
		t.Errorf("%+v", a)
	}
	for range 2 { // the second time from memory
		for _, each := range [][2]string{{"ann", "secret"}, {"bob", "pass:word"}} {
			h.get("/v2/", "Authorization", basic(each[0], each[1])).is(http.StatusOK)
			h.get("/v2/app/manifests/1", "Authorization", basic(each[0], each[1])).is(http.StatusOK)
		}
		for _, each := range [][2]string{{"ann", "pass:word"}, {"ann", ""}, {"", "secret"}, {"eve", "secret"}, {"annse", "cret"}} {
			h.get("/v2/", "Authorization", basic(each[0], each[1])).fails(http.StatusUnauthorized, "UNAUTHORIZED")
		}
	}
	for _, path := range []string{"/v2/", "/v2/app/manifests/1", "/v2/_catalog", "/v2/none/tags/list", "/elsewhere"} {
		h.get(path).fails(http.StatusUnauthorized, "UNAUTHORIZED").
			is(http.StatusUnauthorized, "WWW-Authenticate", `Basic realm="dray", charset="UTF-8"`)
		h.get(path, "Authorization", "Bearer x").fails(http.StatusUnauthorized, "UNAUTHORIZED")
	}
	h.get("/healthz").is(http.StatusOK)
}

func TestReadUsersRefuses(t *testing.T) {
	good := hashed(t, "x")
	for name, file := range map[string]string{
		"empty":       "# nobody\n",
		"no hash":     "ann\n",
		"no name":     ":" + good,
		"plain":       "ann:secret",
		"MD5":         "ann:$apr1$ZjTqBB3f$IF9gdYAGlMrs2fuINjHsz.",
		"twice":       "ann:" + good + "\nann:" + good,
		"costly":      "ann:" + strings.Replace(good, "$04$", "$31$", 1),
		"a long line": strings.Repeat("a", 2000) + ":" + good,
		"cut":         "ann:" + good[:40],
	} {
		if _, err := serve.ReadUsers(strings.NewReader(file)); err == nil {
			t.Errorf("%s is taken", name)
		} else if strings.Contains(err.Error(), good[10:]) {
			t.Errorf("%s: the error tells the hash: %v", name, err)
		}
	}
}
