package config_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dray-oci/dray/pkg/config"
)

func Example() {
	home, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	ctx := context.Background()
	c := config.New(config.Options{AuthFile: filepath.Join(home, "auth.json")})

	me := config.Credential{Username: "me", Password: config.NewSecret("hunter2")}
	stored, err := c.Login(ctx, "quay.io/team", me)
	if err != nil {
		panic(err)
	}
	fmt.Println(filepath.Base(stored.Where), stored.Plaintext)

	for _, repository := range []string{"team/app", "other/app"} {
		cr, err := c.Credential(ctx, "quay.io", repository)
		if err != nil {
			panic(err)
		}
		fmt.Println(repository, cr.Anonymous(), cr.Key, cr.Username, cr.Password, cr.Password.Reveal())
	}
	// Output:
	// auth.json true
	// team/app false quay.io/team me [secret] hunter2
	// other/app true
}
