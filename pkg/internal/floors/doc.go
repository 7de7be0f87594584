// Package floors holds the test that keeps the drawing of docs/architecture.md true.
package floors
