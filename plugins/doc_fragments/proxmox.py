# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the connection to Proxmox VE, which all our Proxmox modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the connection."""

    DOCUMENTATION = r"""
options:
  api_host:
    description:
      - Name or address of a Proxmox node. Any node of a cluster can be asked about all of it.
      - E(PROXMOX_HOST) is used where it is not given.
    type: str
  api_port:
    description:
      - Port of the API, by default 8006.
      - E(PROXMOX_PORT) is used where it is not given.
    type: int
  api_user:
    description:
      - User with its realm, by default C(autolabs@pve).
      - E(PROXMOX_USER) is used where it is not given.
    type: str
  api_password:
    description:
      - Password of the user. Exactly one of password, token and token file is needed.
      - E(PROXMOX_PASSWORD) is used where none of them is given.
    type: str
  api_token_id:
    description:
      - Name of a token of the user, alone or as C(user@realm!name).
      - E(PROXMOX_TOKEN_ID) is used where neither password nor token is given.
    type: str
  api_token_secret:
    description:
      - Secret of the token.
      - E(PROXMOX_TOKEN_SECRET) is used where neither password nor token is given.
    type: str
  api_token_file:
    description:
      - Path on the controller of a JSON file with C(user), C(token_id) and C(secret), which nobody else may read.
      - Role C(autolabs.platform.proxmox_host) writes it.
    type: path
  validate_certs:
    description: Whether the certificate of the API must be of a CA that is trusted, and for the name in O(api_host).
    type: bool
    default: true
  api_ca:
    description:
      - Path on the controller of the CA's certificate, where the system does not trust it.
      - Of a node's own CA it is C(/etc/pve/pve-root-ca.pem) there.
    type: path
  api_timeout:
    description: Seconds that one request may take. An API that does not answer is asked again for up to a minute.
    type: int
    default: 30
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying anything.
  diff_mode:
    description: Returns what changes, or would change in check mode.
  action:
    description: Runs on the controller; progress lines reach the terminal while it runs.
    support: full
  action_group:
    description: Use C(group/autolabs.platform.proxmox) in C(module_defaults) to set the connection once.
    support: full
    membership:
      - autolabs.platform.proxmox
requirements:
  - Python packages proxmoxer (at least 2.0) and requests on the controller
author:
  - The AutoLabs team (@autolabs)
"""
