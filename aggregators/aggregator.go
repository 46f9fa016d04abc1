package aggregators

// An Aggregator shapes events into tables of View Data, of which it is the only
// writer.
type Aggregator struct {
	// ID names the aggregator and its position, for ever:
	// `aggregators:home-page`.
	ID string
	// Tables are its tables, unqualified, as the statements of the handlers name
	// them: so a rebuild can give them others of these names. Each has a primary
	// key, columns that can be compared (jsonb, not json), and none that Postgres
	// fills by itself with what is not the same the next time.
	Tables []string
	// Init is one statement that inserts the rows that must exist at the start,
	// unless they do. Defaults to none.
	Init string
	// Handlers are what it does. Their categories are one subscription; with one
	// of OnAny, everything is.
	Handlers Handlers
}
