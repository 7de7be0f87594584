// Package ui is what a person or a script sees of dray: data on stdout, and on
// stderr errors, notes and progress. Every string that came from outside is made
// safe here before it reaches a terminal; see [Quote].
package ui
