//! Products of packed matrices against sums of products in f64.

use super::*;
use pulp::Arch;

struct Product<'a, R>(&'a Panels<R>, &'a mut [R], usize, &'a [R], usize, usize);

impl<R: Real> WithSimd for Product<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.add_product(simd, (self.1, self.2), (self.3, self.4), self.5);
    }
}

struct TurnedProduct<'a, R>(&'a Panels<R>, &'a mut [R], &'a [R], usize, [usize; 2]);

impl<R: Real> WithSimd for TurnedProduct<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [rows, depth] = self.4;
        self.0.add_turned_product(simd, self.1, (self.2, self.3), (rows, depth));
    }
}

fn check<R: Real + Into<f64>>(tolerance: f64) {
    let number = |i: usize| R::from_f64(((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0);
    for rows in 1..=9 {
        for (depth, columns) in [(1, 1), (3, 5), (16, 16), (17, 33), (40, 64), (300, 20), (513, 81)] {
            let (a_stride, c_stride) = (depth + 3, columns + 2);
            let a: Vec<R> = (0..rows * a_stride).map(number).collect();
            let w: Vec<R> = (0..depth * columns).map(|i| number(i + 77)).collect();
            let before: Vec<R> = (0..rows * c_stride).map(|i| number(i + 5)).collect();
            let mut c = before.clone();
            let turned: Vec<R> = (0..depth * columns).map(|i| w[i % depth * columns + i / depth]).collect();
            let panels = Panels::straight(&w, depth, columns);
            Arch::new().dispatch(Product(&panels, &mut c, c_stride, &a, a_stride, rows));
            let mut again = before.clone();
            let panels = Panels::transposed(&turned, columns, depth);
            Arch::new().dispatch(Product(&panels, &mut again, c_stride, &a, a_stride, rows));
            for (i, (&found, &before)) in c.iter().zip(&before).enumerate() {
                let (r, j) = (i / c_stride, i % c_stride);
                let product = |k: usize| a[r * a_stride + k].into() * w[k * columns + j].into();
                let added = if j < columns { (0..depth).map(product).sum() } else { 0.0 };
                let expected: f64 = before.into() + added;
                assert!((found.into() - expected).abs() < tolerance, "{rows} x {depth} x {columns} at {i}");
                assert!(found == again[i]);
            }
            let right = Panels::straight(&before[..rows * c_stride], rows, c_stride);
            let mut expected = vec![0.0; depth * c_stride];
            for (i, sum) in expected.iter_mut().enumerate() {
                let product = |r: usize| {
                    a[r * a_stride + i / c_stride].into() * before[r * c_stride + i % c_stride].into()
                };
                *sum = (0..rows).map(product).sum();
            }
            let mut turned = vec![R::ZERO; depth * c_stride];
            Arch::new().dispatch(TurnedProduct(&right, &mut turned, &a, a_stride, [depth, rows]));
            assert!(turned.iter().zip(&expected).all(|(&found, sum)| (found.into() - sum).abs() < tolerance));
        }
    }
}

#[test]
fn the_parts_of_the_columns_follow_each_other_and_begin_with_a_panel() {
    for (columns, most) in [(1, 3), (33, 2), (64, 4), (1000, 2), (81, 7)] {
        let panels = Panels::<f32>::zeros(3, columns);
        let parts = panels.cut_columns(most);
        assert!(parts.len() <= most && parts[0].start == 0 && parts[parts.len() - 1].end == columns);
        assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert!(parts.iter().all(|part| part.start % panels.width == 0));
    }
}

#[test]
fn a_product_is_the_sum_of_products_and_touches_nothing_beside() {
    check::<f64>(1e-12);
    check::<f32>(1e-3);
}
