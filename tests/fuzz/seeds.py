"""Good files of several columns, which mutations start from."""

HDFS = (
    b"081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-160 src: /10.250.19.102:54106\n"
    b"081109 203518 35 INFO dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: /mnt/hadoop blk_-160\n"
    b"081109 203519 35 INFO dfs.FSNamesystem: BLOCK* NameSystem.delete: blk_7 is added to blk_-160\n"
)
JSON = (
    b'{"time":"2026-01-31T12:00:00Z","message":"start id=5"}\n'
    b'{"time":"2026-01-31T12:00:01Z","message":"stop id=5","level":"INFO"}\n'
)
SYSLOG = b"Jan 31 12:00:00 host app[12]: start id=5\nFeb 29 12:00:01 host app[12]: stop id=5\n"
CONLL = b"-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP B-PER\n"
CONLLU = (
    b"# sent_id = 1\n"
    b"1\tHe\the\tPRON\tPRP\t_\t2\tnsubj\t_\t_\n"
    b"2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    b"2\tca\tcan\tAUX\tMD\t_\t0\troot\t_\t_\n"
    b"3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_\n\n"
)
PRICES = [
    b"Date,Open,High,Low,Close,Volume\n2016-01-04,1,2,0.5,1.5,100\n2016-01-05,2,3,1,2.5,90\n"
    b"2016-01-06,2,3,1,2.5,90\n",
    b"unique_id,ds,y\na,2020-01-31,1\na,2020-02-29,2\nb,2020-01-31,3\nb,2020-02-29,4\n",
    b"# a comment\nds,y,promo\n1,2,0\n2,3,1\n4,5,1\n5,,0\n7,,1\n",
    b"# Open,High,Low,Volume,Close\n1,2,0.5,100,1.5\n\n2,3,1,90,2.5\n",
    b"ds,y\n2024-01-01T00:00:00Z,1\n2024-01-01T01:00:00Z,\n2024-01-01T03:00:00Z,3\n",
]
