"""A report of recorded runs: from parsed run folders to a document of blocks, and that as HTML or Markdown. Pure."""
