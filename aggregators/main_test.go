package aggregators_test

import (
	"testing"

	"videotutorials/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
