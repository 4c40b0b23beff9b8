"""A small ResNet in the files that TensorFlow.js' converter writes of Keras' ResNet-50."""

import json

import numpy as np

WIDTH, EPSILON = 4, 1e-3
STAGES = {2: 'a', 3: 'ab', 4: 'a', 5: 'a'}  # blocks by the number of their stage


def layers_of_model(rng):
    """The config of each layer and its weights, ``(config, {name: array})``."""
    layers = []

    def conv(name, kernel, channels, out, stride=1):
        config = dict(name=name, filters=out, strides=[stride, stride], use_bias=True)
        scale = (2 / (kernel * kernel * channels)) ** 0.5
        kernels = rng.normal(0, scale, (kernel, kernel, channels, out))
        layers.append((config, dict(kernel=kernels, bias=rng.normal(0, 0.3, out))))
        batch_norm(name.replace('res', 'bn') if 'res' in name else f'bn_{name}', out)

    def batch_norm(name, out):
        layers.append(
            (
                dict(name=name, axis=[3], epsilon=EPSILON),
                dict(
                    gamma=rng.uniform(0.5, 1.5, out),
                    beta=rng.normal(0, 0.3, out),
                    moving_mean=rng.normal(0, 0.3, out),
                    # as small as the epsilon, so that it counts
                    moving_variance=rng.uniform(1e-3, 1, out),
                ),
            )
        )

    conv('conv1', 7, 3, WIDTH, 2)
    channels = WIDTH
    for stage, blocks in STAGES.items():
        width = WIDTH * 2 ** (stage - 2)
        for block in blocks:
            stride = 2 if block == 'a' and stage > 2 else 1
            name = f'res{stage}{block}_branch'
            conv(f'{name}2a', 1, channels, width, stride)
            conv(f'{name}2b', 3, width, width)
            conv(f'{name}2c', 1, width, 4 * width)
            if block == 'a':
                conv(f'{name}1', 1, channels, 4 * width, stride)
            channels = 4 * width
    kernel = dict(kernel=rng.normal(0, 0.1, (channels, 10)), bias=rng.normal(0, 0.1, 10))
    layers.append((dict(name='fc1000', units=10), kernel))
    return layers


def write(folder, layers, shard=1000):
    """Write ``model.json`` and files of ``shard`` bytes each; return the model's data."""
    folder.mkdir(parents=True, exist_ok=True)
    entries, content = [], b''
    for config, weights in sorted(layers, key=lambda layer: layer[0]['name']):
        for name, array in weights.items():
            entry = dict(name=f'{config["name"]}/{name}', shape=list(array.shape), dtype='float32')
            entries.append(entry)
            content += array.astype('<f4').tobytes()
    parts = [content[start : start + shard] for start in range(0, len(content), shard)]
    paths = [f'group1-shard{i + 1}of{len(parts)}.bin' for i in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        (folder / path).write_bytes(part)
    topology = [dict(name=config['name'], config=config) for config, _ in layers]
    model = dict(
        format='layers-model',
        modelTopology=dict(
            keras_version='2.2.4-tf', model_config=dict(config=dict(layers=topology))
        ),
        weightsManifest=[dict(paths=paths, weights=entries)],
    )
    (folder / 'model.json').write_text(json.dumps(model))
    return model


def small_resnet(folder, seed=0):
    """Write the small ResNet; return its layers."""
    layers = layers_of_model(np.random.default_rng(seed))
    write(folder, layers)
    return layers
