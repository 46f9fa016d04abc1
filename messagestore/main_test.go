package messagestore_test

import (
	"testing"

	"videotutorials/internal/test/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
