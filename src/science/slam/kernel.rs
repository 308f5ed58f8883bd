//! Exact evaluation: per distinct gamma one kernel matrix and one matrix product for all stars asked about.
//!
//! Usable pixels stand in *evaluation order*: gamma by gamma, each group padded to whole runs of lanes, so that each
//! product writes a contiguous range of *slots*. Padding slots hold 0 and never weigh.
//! Cost of one evaluation of n_label + 1 planes: 2 (n_label + 1) n_train n_pix operations a star; alone it waits for
//! memory, from about eight stars on for arithmetic. Where most coefficients are zero, only the others are summed.
//! Memory: one copy of the coefficients.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, s};

use super::SlamModel;
use super::lanes::padded;
use super::model::FluxEvaluator;
use super::sparse::SparseRows;

/// Exact evaluation of a model.
#[derive(Debug)]
pub struct KernelEvaluator<'a> {
    groups: Vec<KernelGroup<'a>>,
}

/// Usable pixels of one gamma: sums of Gaussians about the same centers.
#[derive(Debug)]
pub(super) struct KernelGroup<'a> {
    /// Inverse squared width, per squared scaled label.
    pub gamma: f64,
    /// Scaled labels of the centers, `(n_label, n_center)`.
    pub centers: Array2<f64>,
    /// Pixels of the model, `(n_group,)`.
    pub pixels: Vec<usize>,
    /// Coefficients, `(n_group, n_center)`.
    pub dual: CowArray<'a, f64, Ix2>,
    /// Constant terms, scaled flux, `(n_group,)`.
    pub bias: Array1<f64>,
    /// The coefficients that are not zero, where they are few.
    sparse: Option<SparseRows>,
}

/// Stars of one matrix product; more only take memory.
const STARS: usize = 16;

impl<'a> KernelEvaluator<'a> {
    /// Groups the usable pixels of `model` by gamma; copies their coefficients unless one group holds all.
    pub fn new(model: &'a SlamModel) -> Self {
        let mut by_gamma: Vec<(f64, Vec<usize>)> = Vec::new();
        for (pixel, &usable) in model.usable().iter().enumerate() {
            let gamma = model.gamma[pixel];
            match by_gamma.iter_mut().find(|(g, _)| *g == gamma) {
                _ if !usable => {}
                Some((_, pixels)) => pixels.push(pixel),
                None => by_gamma.push((gamma, vec![pixel])),
            }
        }
        let centers = model.scaled_labels().t().as_standard_layout().into_owned();
        let group = |(gamma, pixels): (f64, Vec<usize>)| {
            let all = pixels.len() == model.n_pix();
            let dual = if all {
                model.dual.view().into()
            } else {
                model.dual.select(Axis(0), &pixels).into()
            };
            let bias = model.bias.select(Axis(0), &pixels);
            KernelGroup::new(gamma, centers.clone(), pixels, dual, bias)
        };
        Self { groups: by_gamma.into_iter().map(group).collect() }
    }

    pub(super) fn of_groups(groups: Vec<KernelGroup<'a>>) -> Self {
        Self { groups }
    }

    pub(super) fn into_groups(self) -> Vec<KernelGroup<'a>> {
        self.groups
    }

    /// The same evaluator without the model it was made of.
    pub(super) fn into_owned(self) -> KernelEvaluator<'static> {
        self.with_dual(CowArray::into_owned)
    }

    /// [`Self::into_owned`] with coefficients that stand center by center in memory, in the order in which products
    /// read them.
    pub(super) fn by_center(self) -> KernelEvaluator<'static> {
        self.with_dual(|dual| dual.t().as_standard_layout().into_owned().reversed_axes())
    }

    fn with_dual(
        self,
        moved: impl Fn(CowArray<'a, f64, Ix2>) -> Array2<f64>,
    ) -> KernelEvaluator<'static> {
        let owned = |group: KernelGroup<'a>| KernelGroup {
            gamma: group.gamma,
            centers: group.centers,
            pixels: group.pixels,
            dual: moved(group.dual).into(),
            bias: group.bias,
            sparse: group.sparse,
        };
        KernelEvaluator { groups: self.groups.into_iter().map(owned).collect() }
    }

    pub(super) fn groups(&self) -> &[KernelGroup<'a>] {
        &self.groups
    }

    /// The model's pixel at each slot, `(n_slot,)`; `None` at padding.
    pub(super) fn slots(&self) -> Vec<Option<usize>> {
        let mut slots = Vec::new();
        for group in &self.groups {
            slots.extend(group.pixels.iter().map(|&pixel| Some(pixel)));
            slots.resize(padded(slots.len()), None);
        }
        slots
    }

    /// Number of slots, a multiple of the lanes.
    pub(super) fn n_slot(&self) -> usize {
        self.groups.iter().map(KernelGroup::n_slot).sum()
    }

    /// Scaled flux at each row of `thetas`, `(n, n_label)`, scaled; `(n, n_slot)`.
    pub(super) fn spectra(&self, thetas: ArrayView2<'_, f64>) -> Array2<f64> {
        self.by_blocks(thetas, 1, |group, block| group.kernel(block))
    }

    /// Scaled flux and its derivatives by the scaled labels at each row of `thetas`, `(n, n_label)`, scaled;
    /// `(n (1 + n_label), n_slot)`.
    pub(super) fn planes(&self, thetas: ArrayView2<'_, f64>) -> Array2<f64> {
        let n_plane = 1 + thetas.ncols();
        self.by_blocks(thetas, n_plane, |group, block| group.kernel_and_slopes(block))
    }

    /// Second derivatives of flux by the scaled labels at each row of `thetas`, `(n, n_label)`, summed over pixels with
    /// the weights `pulls`, `(n, n_slot)`; `(n_label, n_label)` of each row.
    pub(super) fn curvatures(
        &self,
        thetas: ArrayView2<'_, f64>,
        pulls: ArrayView2<'_, f64>,
    ) -> Vec<Array2<f64>> {
        let n_label = thetas.ncols();
        let mut sums = vec![Array2::zeros((n_label, n_label)); thetas.nrows()];
        let mut first = 0;
        for group in &self.groups {
            let pulls = pulls.slice(s![.., first..first + group.pixels.len()]);
            first += group.n_slot();
            let weights = group.transposed_product(pulls) * group.kernel(thetas);
            for ((sums, weights), theta) in
                sums.iter_mut().zip(weights.outer_iter()).zip(thetas.outer_iter())
            {
                group.add_curvature(weights, theta, sums);
            }
        }
        sums
    }

    /// Products of all groups, a block of stars at a time; the bias goes to the first of every `n_plane` rows.
    fn by_blocks(
        &self,
        thetas: ArrayView2<'_, f64>,
        n_plane: usize,
        kernel: impl Fn(&KernelGroup<'a>, ArrayView2<'_, f64>) -> Array2<f64>,
    ) -> Array2<f64> {
        let mut out = Array2::zeros((thetas.nrows() * n_plane, self.n_slot()));
        let blocks = thetas.axis_chunks_iter(Axis(0), STARS);
        for (block, rows) in blocks.zip(out.axis_chunks_iter_mut(Axis(0), STARS * n_plane)) {
            self.fill(block, rows, n_plane, &kernel);
        }
        out
    }

    fn fill(
        &self,
        block: ArrayView2<'_, f64>,
        mut rows: ArrayViewMut2<'_, f64>,
        n_plane: usize,
        kernel: &impl Fn(&KernelGroup<'a>, ArrayView2<'_, f64>) -> Array2<f64>,
    ) {
        let mut first = 0;
        for group in &self.groups {
            let values = group.product(kernel(group, block).view());
            let columns = first..first + group.pixels.len();
            first += group.n_slot();
            rows.slice_mut(s![.., columns.clone()]).assign(&values);
            for mut flux in rows.slice_mut(s![..;n_plane, columns]).outer_iter_mut() {
                flux += &group.bias;
            }
        }
    }
}

impl<'a> KernelGroup<'a> {
    /// A group of pixels; see the fields for the shapes.
    pub(super) fn new(
        gamma: f64,
        centers: Array2<f64>,
        pixels: Vec<usize>,
        dual: CowArray<'a, f64, Ix2>,
        bias: Array1<f64>,
    ) -> Self {
        let sparse = SparseRows::of(dual.view());
        Self { gamma, centers, pixels, dual, bias, sparse }
    }

    /// Kernel rows, `(n, n_center)`, times the coefficients; `(n, n_group)`.
    pub(super) fn product(&self, kernel: ArrayView2<'_, f64>) -> Array2<f64> {
        self.sparse.as_ref().map_or_else(|| kernel.dot(&self.dual.t()), |few| few.product(kernel))
    }

    /// Rows of the pixels, `(n, n_group)`, times the coefficients; `(n, n_center)`.
    fn transposed_product(&self, rows: ArrayView2<'_, f64>) -> Array2<f64> {
        match &self.sparse {
            Some(few) => few.transposed_product(rows),
            None => rows.dot(&self.dual),
        }
    }

    /// Adds the second derivatives of the sum of `weights`, `(n_center,)`, over centers: a kernel value times its
    /// coefficients, at `theta`.
    fn add_curvature(
        &self,
        weights: ArrayView1<'_, f64>,
        theta: ArrayView1<'_, f64>,
        sums: &mut Array2<f64>,
    ) {
        let rate = 2.0 * self.gamma;
        let total = weights.sum();
        for a in 0..theta.len() {
            sums[[a, a]] -= rate * total;
            for b in 0..=a {
                let centers = self.centers.row(a).into_iter().zip(self.centers.row(b));
                let terms = weights.iter().zip(centers);
                let product: f64 =
                    terms.map(|(w, (ca, cb))| w * (theta[a] - ca) * (theta[b] - cb)).sum();
                sums[[a, b]] += rate * rate * product;
                if a != b {
                    sums[[b, a]] += rate * rate * product;
                }
            }
        }
    }

    /// Slots of the group.
    pub(super) fn n_slot(&self) -> usize {
        padded(self.pixels.len())
    }

    /// Scaled flux at each row of `thetas`, `(n, n_label)`, scaled; `(n, n_group)`.
    pub(super) fn spectra(&self, thetas: ArrayView2<'_, f64>) -> Array2<f64> {
        self.product(self.kernel(thetas).view()) + &self.bias
    }

    /// Kernel values, `(n, n_center)`.
    pub(super) fn kernel(&self, thetas: ArrayView2<'_, f64>) -> Array2<f64> {
        gaussian_kernel(self.gamma, &self.centers, thetas)
    }

    /// Kernel values k_i and their derivatives -2 gamma (theta_l - theta_il) k_i, `(n (1 + n_label), n_center)`.
    fn kernel_and_slopes(&self, thetas: ArrayView2<'_, f64>) -> Array2<f64> {
        let n_plane = 1 + thetas.ncols();
        let mut planes = Array2::zeros((thetas.nrows() * n_plane, self.centers.ncols()));
        let kernel = self.kernel(thetas);
        let stars = thetas.outer_iter().zip(kernel.outer_iter());
        for (mut rows, (theta, kernel)) in planes.axis_chunks_iter_mut(Axis(0), n_plane).zip(stars)
        {
            rows.row_mut(0).assign(&kernel);
            for (l, (&at, center)) in theta.iter().zip(self.centers.outer_iter()).enumerate() {
                ndarray::Zip::from(rows.row_mut(l + 1))
                    .and(&kernel)
                    .and(&center)
                    .for_each(|slope, k, c| *slope = -2.0 * self.gamma * (at - c) * k);
            }
        }
        planes
    }
}

/// exp(-gamma |theta - center|^2) of each of `thetas`, `(n, n_label)`, and each of `centers`, `(n_label, n_center)`;
/// `(n, n_center)`.
pub(super) fn gaussian_kernel(
    gamma: f64,
    centers: &Array2<f64>,
    thetas: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let mut kernel = Array2::<f64>::zeros((thetas.nrows(), centers.ncols()));
    for (mut row, theta) in kernel.outer_iter_mut().zip(thetas.outer_iter()) {
        for (center, &at) in centers.outer_iter().zip(theta) {
            row.zip_mut_with(&center, |sum, c| *sum += (at - c) * (at - c));
        }
        row.mapv_inplace(|squared| (-gamma * squared).exp());
    }
    kernel
}

impl FluxEvaluator for KernelEvaluator<'_> {
    fn evaluate(&self, theta: ArrayView1<'_, f64>, out: &mut Array2<f64>) {
        let planes = self.planes(theta.insert_axis(Axis(0)));
        out.fill(f64::NAN);
        for (column, slot) in planes.columns().into_iter().zip(self.slots()) {
            if let Some(pixel) = slot {
                out.row_mut(pixel).assign(&column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic;
    use super::*;

    #[test]
    fn curvature_is_the_derivative_of_the_gradient() {
        let model = synthetic::model();
        let exact = KernelEvaluator::new(&model);
        let thetas =
            Array2::from_shape_vec((2, 3), vec![0.11, -0.2, 0.13, -0.7, 0.4, 1.1]).unwrap();
        let pulls =
            Array2::from_shape_fn((2, exact.n_slot()), |(i, j)| (0.3 * j as f64).sin() + i as f64);
        let curvatures = exact.curvatures(thetas.view(), pulls.view());
        for l in 0..3 {
            let gradients = |step: f64| {
                let mut at = thetas.clone();
                at.column_mut(l).mapv_inplace(|v| v + step);
                let planes = exact.planes(at.view());
                Array2::from_shape_fn((2, 3), |(i, a)| planes.row(4 * i + a + 1).dot(&pulls.row(i)))
            };
            let numeric = (gradients(1e-4) - gradients(-1e-4)) / 2e-4;
            for i in 0..2 {
                for a in 0..3 {
                    assert!((numeric[[i, a]] - curvatures[i][[a, l]]).abs() < 1e-5, "{numeric}");
                }
            }
        }
    }
}
