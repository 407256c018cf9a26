module dragoman/bench

go 1.22
