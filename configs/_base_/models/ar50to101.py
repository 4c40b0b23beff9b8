# the paper's space; the norms of large-batch methods are synchronised over all GPUs
_base_ = 'supernet.py'

model = dict(backbone=dict(type='DynamicResNet', space='ar50to101', norm_cfg=dict(type='SyncBN')))
