// Package mirror holds the rules of "dray sync": a file that says which images are
// kept in step with a destination, and what it means. It decides and moves nothing:
// whoever lists tags hands them to [Rule.Select], and asks [Target.Name] what each
// image is called where it goes.
package mirror
