use tch::{Kind, Tensor};

use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;
use crate::spec::Finite;

crate::record! {
    /// A matrix whose rows, or whose columns where these are fewer, are at right angles and of the length `gain`; each such
    /// matrix is equally likely. A kernel of more axes is taken as a matrix from all of them but the last to the last
    /// (Saxe, McClelland and Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural
    /// networks*, 2013).
    pub struct Orthogonal {
        /// What the matrix is multiplied by.
        pub gain: Finite = Finite::literal(1.0),
    }
}

impl InitializerConfig for Orthogonal {
    fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        if parameter.shape.len() >= 2 {
            return Ok(());
        }
        let shape = parameter.documented();
        Err(format!("orthogonal is for matrices, and the {} has the shape {shape:?}", parameter.name))
    }

    /// Q of the QR decomposition of a normal matrix, with the signs of R's diagonal, without which it would favour some
    /// directions (Mezzadri, *How to generate random matrices from the classical compact groups*, 2007).
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        let documented = parameter.documented();
        let columns = documented.last().copied().unwrap_or(1).max(1) as i64;
        let rows = parameter.elements() as i64 / columns;
        let mut normal = vec![0.0_f32; parameter.elements() as usize];
        draws.fill_normal(&mut normal);
        let normal = Tensor::from_slice(&normal).to_kind(Kind::Double);
        let (q, r) = Tensor::linalg_qr(&normal.reshape([rows.max(columns), rows.min(columns)]), "reduced");
        let mut q = q * r.diagonal(0, 0, 1).sign();
        if rows < columns {
            q = q.tr();
        }
        let q = (q * self.gain.get()).to_kind(Kind::Float).contiguous().flatten(0, -1);
        let values: Vec<f32> = Vec::try_from(&q).unwrap_or_default();
        parameter.layout.to_libtorch(&values, &parameter.shape)
    }
}
