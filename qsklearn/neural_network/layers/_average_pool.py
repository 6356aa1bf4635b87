"""Pooling by means of blocks."""

from dataclasses import dataclass

import numpy as np

from qsklearn.neural_network.layers._base import Layer, check_input_shape, check_pair


@dataclass(frozen=True)
class AveragePool(Layer):
    """Means of blocks of pixels.

    Where the block does not divide the image, the rows and columns that are left over below and at
    the right are dropped, as PyTorch does.

    Parameters
    ----------
    size : int or pair of int
        Height and width of a block.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network.layers import AveragePool
    >>> AveragePool(2).forward(np.arange(8.0).reshape(1, 1, 2, 4))
    array([[[[2.5, 4.5]]]])
    """

    size: tuple

    def __post_init__(self):
        object.__setattr__(self, "size", check_pair(self.size, "size", "AveragePool"))

    def output_shape(self, input_shape):
        """Shape of the outputs of one sample.

        Parameters
        ----------
        input_shape : tuple of int
            (channels, height, width).

        Returns
        -------
        tuple of int
            (channels, height // size, width // size).

        Raises
        ------
        ValueError
            If the inputs are no images, or smaller than a block.
        """
        input_shape = check_input_shape(input_shape, "AveragePool")
        height, width = self.size
        if len(input_shape) != 3 or input_shape[1] < height or input_shape[2] < width:
            self._reject_shape(
                input_shape, f"(channels, height, width) with height >= {height}, width >= {width}"
            )
        channels, image_height, image_width = map(int, input_shape)
        return (channels, image_height // height, image_width // width)

    def forward(self, inputs, weights=None, intercepts=None):
        """Outputs of the layer.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, channels, height, width)
        weights, intercepts : None
            Not used: there are none.

        Returns
        -------
        outputs : ndarray of shape (n_samples, channels, height', width')
        """
        inputs, (_, rows, columns) = self._checked(inputs)
        height, width = self.size
        outputs = np.zeros((*inputs.shape[:2], rows, columns))
        # Sums of strided pictures: far faster than a mean over two short axes.
        for row in range(height):
            for column in range(width):
                outputs += inputs[
                    :, :, row : rows * height : height, column : columns * width : width
                ]
        outputs /= height * width
        return outputs

    def inverse(self, targets, input_shape):
        """The smallest images that give the targets: constant blocks, dropped pixels zero.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, channels, height', width')
        input_shape : tuple of int

        Returns
        -------
        inputs : ndarray of shape (n_samples, channels, height, width)
        """
        targets = self._checked_targets(targets, input_shape)
        blocks = targets.repeat(self.size[0], axis=2).repeat(self.size[1], axis=3)
        images = np.zeros((len(targets), *input_shape))
        images[:, :, : blocks.shape[2], : blocks.shape[3]] = blocks
        return images
