from .folder import FolderKNN
from .knn import weighted_knn

__all__ = ['FolderKNN', 'weighted_knn']
