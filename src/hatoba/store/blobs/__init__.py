"""Bodies too large for the database: in files of the data folder, or in an object store named by a URL.

Written by who takes a body in (through Draft) and finished before the commit that names them; read by spool.
Never leaves a name in the database without a whole body behind it; what no row names is collected.
Fails with StoreTrouble: temporary towards peers.
"""

from hatoba.store.blobs.bucket import Damaged
from hatoba.store.blobs.depot import Depot, local
from hatoba.store.blobs.folder import Draft, Folder, make_folder, name, sync_folder
from hatoba.store.blobs.settings import Settings

__all__ = ["Damaged", "Depot", "Draft", "Folder", "Settings", "local", "make_folder", "name", "sync_folder"]
