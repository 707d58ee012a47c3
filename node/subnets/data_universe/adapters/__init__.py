"""Where rows are collected from: one adapter a kind of source, behind one small interface (`base`)."""
