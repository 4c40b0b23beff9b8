"""Small synthetic datasets in OpenMMLab's layouts."""
