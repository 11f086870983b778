"""Fields of the Compose specification that a lab cannot honour: why, and what to do instead."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Refusal

NO = ("false", "no")

_LEVEL = "name the level it needs in x-lab.security (baseline or privileged)"
_NETWORK = "an instance has one network of its own"
_TUNING = "the cluster shares out its nodes itself"
_LABELS = "labels tell whose instance it is, and the platform sets them"
_DNS = "an instance asks the cluster's DNS"
_BY_NAME = "take it out; services of one lab reach each other by the name of the service"

SERVICE = {
    "annotations": Refusal(_LABELS),
    "attach": Refusal("nobody watches an instance's output", harmless=("true", "false")),
    "blkio_config": Refusal(_TUNING),
    "build": Refusal("images are not built when a class starts", "build and push the image, and name it in `image`"),
    "cap_add": Refusal("capabilities follow from the security level", _LEVEL),
    "cap_drop": Refusal("capabilities follow from the security level", "take it out: restricted has none"),
    "cgroup": Refusal("an instance has a cgroup of its own", harmless=("private",)),
    "cgroup_parent": Refusal("an instance has a cgroup of its own"),
    "container_name": Refusal("every student's instance has a name of its own", _BY_NAME),
    "cpu_count": Refusal(_TUNING, "write `cpus`"),
    "cpu_percent": Refusal(_TUNING, "write `cpus`"),
    "cpu_period": Refusal(_TUNING, "write `cpus`"),
    "cpu_quota": Refusal(_TUNING, "write `cpus`"),
    "cpu_rt_period": Refusal(_TUNING, "write `cpus`"),
    "cpu_rt_runtime": Refusal(_TUNING, "write `cpus`"),
    "cpu_shares": Refusal(_TUNING, "write `cpus`"),
    "cpuset": Refusal(_TUNING, "write `cpus`"),
    "credential_spec": Refusal("labs run on Linux"),
    "develop": Refusal("a lab runs what its image holds", "build and push the image"),
    "device_cgroup_rules": Refusal("labs do not reach the devices of a node", _LEVEL),
    "devices": Refusal("labs do not reach the devices of a node", _LEVEL),
    "dns": Refusal(_DNS),
    "dns_opt": Refusal(_DNS),
    "dns_search": Refusal(_DNS),
    "domainname": Refusal("the platform names the machines", _BY_NAME),
    "env_file": Refusal("a lab is one file, and other files do not come with it", "write them under `environment`"),
    "extends": Refusal("a lab is one file, and other files do not come with it", "write the service out"),
    "external_links": Refusal(_NETWORK),
    "extra_hosts": Refusal(_DNS, "use the name of the service, or put the names into the image"),
    "gpus": Refusal("labs do not reach the devices of a node"),
    "group_add": Refusal("a component runs with one group", "name the group in `user`, as in 1000:1000"),
    "hostname": Refusal("the platform names the machines", _BY_NAME),
    "init": Refusal("the first program of an image is its own", "put tini into the image", harmless=NO),
    "ipc": Refusal("sharing memory with the node would end the isolation", harmless=("private", "none")),
    "isolation": Refusal("labs run on Linux", harmless=("default",)),
    "label_file": Refusal(_LABELS),
    "labels": Refusal(_LABELS),
    "links": Refusal("links are obsolete: services find each other by name", "write `depends_on` if the order matters"),
    "logging": Refusal("where logs go is the site's decision"),
    "mac_address": Refusal(_NETWORK),
    "mem_swappiness": Refusal("the cluster does not swap"),
    "memswap_limit": Refusal("the cluster does not swap"),
    "models": Refusal("the cluster runs no language models"),
    "network_mode": Refusal(
        _NETWORK, "take it out; `x-lab.internet` says whether it reaches out", harmless=("bridge",)
    ),
    "networks": Refusal(_NETWORK, "take it out; services of one lab reach each other"),
    "oom_kill_disable": Refusal("what needs more memory than its limit is ended", "raise `mem_limit`", harmless=NO),
    "oom_score_adj": Refusal(_TUNING, harmless=("0",)),
    "pid": Refusal("seeing the node's processes would end the isolation"),
    "pids_limit": Refusal("the number of processes is the site's decision"),
    "platform": Refusal("the nodes are what they are", "push the image for their architecture"),
    "post_start": Refusal("there is no such hook", "put it into the image's entrypoint"),
    "pre_stop": Refusal("there is no such hook", "let the program end by itself at SIGTERM"),
    "privileged": Refusal("a single service cannot raise its rights", "write x-lab.security: privileged", harmless=NO),
    "profiles": Refusal("a lab always has all of its services", "write a lab for each profile"),
    "provider": Refusal("the cluster runs no providers"),
    "pull_policy": Refusal("a node pulls an image once", "give a new version a new tag", ("missing", "if_not_present")),
    "pull_refresh_after": Refusal("a node pulls an image once", "give a new version a new tag"),
    "runtime": Refusal("the runtime is the site's decision"),
    "scale": Refusal("every student gets exactly one of each", harmless=("1",)),
    "security_opt": Refusal("what a lab may do follows from its security level", _LEVEL),
    "shm_size": Refusal("its size is fixed", "write /dev/shm under `tmpfs` if the program needs more"),
    "stdin_open": Refusal("nobody is attached to an instance's input", "start a server, such as sshd", harmless=NO),
    "stop_grace_period": Refusal("instances end within seconds", "let the program end by itself at SIGTERM"),
    "stop_signal": Refusal("instances are ended by SIGTERM", harmless=("SIGTERM", "15")),
    "storage_opt": Refusal("disks are the site's decision", "use a named volume and x-lab.volume"),
    "sysctls": Refusal("the kernel's settings belong to the node"),
    "tty": Refusal("nobody is attached to an instance's terminal", "students get theirs by ssh", harmless=NO),
    "ulimits": Refusal("limits of processes are the site's decision"),
    "use_api_socket": Refusal("there is no Docker on the nodes", harmless=NO),
    "userns_mode": Refusal("users are mapped by the cluster", _LEVEL),
    "uts": Refusal("an instance has names of its own"),
    "volumes_from": Refusal("volumes are named", "mount the same named volume in both services"),
}

DEPLOY = {
    "endpoint_mode": Refusal("a lab has no load balancer", harmless=("vip",)),
    "labels": Refusal(_LABELS),
    "mode": Refusal("every student gets exactly one of each", harmless=("replicated",)),
    "placement": Refusal("the cluster chooses the node", "take it out; x-lab.security chooses the kind of node"),
    "replicas": Refusal("every student gets exactly one of each", harmless=("1",)),
    "restart_policy": Refusal("what ends is started again, always"),
    "rollback_config": Refusal("a started class keeps its version"),
    "update_config": Refusal("a started class keeps its version"),
}

RESOURCES = {
    "devices": Refusal("labs do not reach the devices of a node"),
    "generic_resources": Refusal("labs do not reach the devices of a node"),
    "pids": Refusal("the number of processes is the site's decision"),
}

DEPENDENCY = {
    "required": Refusal("every service of a lab is there", harmless=("true",)),
    "restart": Refusal("a service is not restarted with another one", harmless=NO),
}

LAB = {
    "include": Refusal("a lab is one file, and other files do not come with it", "write the services out"),
    "models": Refusal("the cluster runs no language models"),
    "networks": Refusal(_NETWORK, "take it out; services of one lab reach each other"),
}

VOLUME = {
    "driver": Refusal("where volumes are kept is the site's decision", harmless=("local",)),
    "driver_opts": Refusal("where volumes are kept is the site's decision"),
    "external": Refusal("every student gets a volume of their own", harmless=NO),
    "labels": Refusal(_LABELS),
    "name": Refusal("every student gets a volume of their own"),
}

FILE = {
    "driver": Refusal("the content is in the lab file", "write it under `content`"),
    "driver_opts": Refusal("the content is in the lab file", "write it under `content`"),
    "environment": Refusal("there is no shell here to take it from", "write it under `content`"),
    "external": Refusal("a lab is one file, and nothing else comes with it", "write it under `content`", NO),
    "file": Refusal("a lab is one file, and other files do not come with it", "write it under `content`"),
    "labels": Refusal(_LABELS),
    "name": Refusal("it is called as its entry here"),
    "template_driver": Refusal("the content is used as it is written"),
}

MOUNT = {
    "bind": Refusal("a folder of one computer is not on the others", "write `type: volume` and a source"),
    "consistency": Refusal("it has no effect on Linux"),
    "image": Refusal("images are not mounted", "copy what is needed into the lab's image"),
    "tmpfs": Refusal("options of a tmpfs cannot be set", "write its path under `tmpfs`"),
    "volume": Refusal("options of a volume's mount cannot be set"),
}

FILE_MOUNT = {
    "gid": Refusal("files belong to the user that the component runs as", "set `mode`"),
    "uid": Refusal("files belong to the user that the component runs as", "set `mode`"),
}

X_LAB = {"checks": Refusal("automatic checks are not supported")}
