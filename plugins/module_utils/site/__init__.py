"""The site as its inventory says it: nodes, networks, machines and the cluster, judged as a whole."""
