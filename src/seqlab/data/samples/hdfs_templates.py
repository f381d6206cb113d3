"""The messages of HDFS that the simulator writes, numbered as in loghub's template list for HDFS.

``<*>`` stands for one word without spaces.
"""

from __future__ import annotations

SYNTHETIC_NOTICE = (
    "Synthetic data: these HDFS block lives come from seqlab's seeded simulator, not from a cluster. "
    "Numbers measured on them say nothing about real logs."
)

TEMPLATES: dict[str, str] = {
    "1": "Adding an already existing block <*>",
    "2": "Verification succeeded for <*>",
    "3": "<*> Served block <*> to <*>",
    "4": "<*>:Got exception while serving <*> to <*>:",
    "5": "Receiving block <*> src: <*> dest: <*>",
    "6": "Received block <*> src: <*> dest: <*> of size <*>",
    "7": "writeBlock <*> received exception java.io.IOException: Could not read from stream",
    "8": "PacketResponder <*> for block <*> Interrupted.",
    "9": "Received block <*> of size <*> from <*>",
    "10": "PacketResponder <*> <*> Exception java.io.IOException: Broken pipe",
    "11": "PacketResponder <*> for block <*> terminating",
    "13": "Receiving empty packet for block <*>",
    "14": "Exception in receiveBlock for block <*> java.io.IOException: Connection reset by peer",
    "15": "Changing block file offset of block <*> from <*> to <*> meta file offset to <*>",
    "16": "<*>:Transmitted block <*> to <*>",
    "17": "<*>:Failed to transfer <*> to <*> got java.io.IOException: Connection reset by peer",
    "18": "<*> Starting thread to transfer block <*> to <*>",
    "19": "Reopen Block <*>",
    "20": "Unexpected error trying to delete block <*>. BlockInfo not found in volumeMap.",
    "21": "Deleting block <*> file <*>",
    "22": "BLOCK* NameSystem.allocateBlock: <*> <*>",
    "23": "BLOCK* NameSystem.delete: <*> is added to invalidSet of <*>",
    "24": "BLOCK* Removing block <*> from neededReplications as it does not belong to any file.",
    "25": "BLOCK* ask <*> to replicate <*> to datanode(s) <*>",
    "26": "BLOCK* NameSystem.addStoredBlock: blockMap updated: <*> is added to <*> size <*>",
    "27": "BLOCK* NameSystem.addStoredBlock: Redundant addStoredBlock request received for <*> "
    "on <*> size <*>",
    "28": "BLOCK* NameSystem.addStoredBlock: addStoredBlock request received for <*> on <*> size <*> "
    "But it does not belong to any file.",
    "29": "PendingReplicationMonitor timed out block <*>",
    "31": "<*>:DataXceiver: java.io.IOException: Block <*> is valid, and cannot be written to.",
}
