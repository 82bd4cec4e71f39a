"""Optimiser trajectories by PyTorch 2.11.0 (float64), the oracle for our own optimisers; Lion, which PyTorch lacks, by its paper's formula. Usage: make.py > optimizers.json (pip install torch==2.11.0)"""
import json, torch
torch.set_default_dtype(torch.float64); torch.manual_seed(20261123)
W0=torch.randn(4,3); TARGET=torch.randn(4,3); A=torch.diag(torch.tensor([5.,1.,.2,.05]))
def loss(w): d=w-TARGET; return 0.5*(d*(A@d)).sum()+0.1*torch.sin(3*w).sum()
class Lion(torch.optim.Optimizer):
    """Chen and others, Symbolic Discovery of Optimization Algorithms, 2023, algorithm 2."""
    def __init__(self, params, lr, betas, weight_decay=0.): super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))
    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (b1, b2), lr = group["betas"], group["lr"]
            for w in group["params"]:
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                w -= lr * (torch.sign(b1*m + (1-b1)*w.grad) + group["weight_decay"]*w)
                m.copy_(b2*m + (1-b2)*w.grad)
cases=[
 ("sgd",{"learning_rate":0.05},torch.optim.SGD,dict(lr=0.05)),
 ("sgd",{"learning_rate":0.05,"momentum":0.9},torch.optim.SGD,dict(lr=0.05,momentum=0.9)),
 ("sgd",{"learning_rate":0.05,"momentum":0.9,"nesterov":True},torch.optim.SGD,dict(lr=0.05,momentum=0.9,nesterov=True)),
 ("sgd",{"learning_rate":0.05,"weight_decay":0.01},torch.optim.SGD,dict(lr=0.05,weight_decay=0.01)),
 ("adam",{"learning_rate":0.01,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8},torch.optim.Adam,dict(lr=0.01,eps=1e-8)),
 ("adam",{"learning_rate":0.01,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"amsgrad":True},torch.optim.Adam,dict(lr=0.01,eps=1e-8,amsgrad=True)),
 ("adam",{"learning_rate":0.01,"epsilon":1e-8,"weight_decay":0.1},torch.optim.Adam,dict(lr=0.01,eps=1e-8,weight_decay=0.1)),
 ("adamw",{"learning_rate":0.01,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"weight_decay":0.1},torch.optim.AdamW,dict(lr=0.01,eps=1e-8,weight_decay=0.1)),
 ("adamw",{"learning_rate":0.01,"epsilon":1e-8,"amsgrad":True},torch.optim.AdamW,dict(lr=0.01,eps=1e-8,weight_decay=0.004,amsgrad=True)),
 ("adadelta",{"learning_rate":1.0,"rho":0.95,"epsilon":1e-6},torch.optim.Adadelta,dict(lr=1.0,rho=0.95,eps=1e-6)),
 ("adadelta",{"rho":0.9,"epsilon":1e-4,"weight_decay":0.1},torch.optim.Adadelta,dict(lr=1.0,rho=0.9,eps=1e-4,weight_decay=0.1)),
 ("adagrad",{"learning_rate":0.1,"epsilon":1e-10},torch.optim.Adagrad,dict(lr=0.1,eps=1e-10)),
 ("adagrad",{"learning_rate":0.1,"initial_accumulator_value":0.1,"epsilon":1e-7,"weight_decay":0.1},torch.optim.Adagrad,dict(lr=0.1,eps=1e-7,initial_accumulator_value=0.1,weight_decay=0.1)),
 ("rmsprop",{"learning_rate":0.01,"rho":0.9,"epsilon":1e-8},torch.optim.RMSprop,dict(lr=0.01,alpha=0.9,eps=1e-8)),
 ("rmsprop",{"learning_rate":0.01,"rho":0.9,"epsilon":1e-8,"momentum":0.9,"centered":True},torch.optim.RMSprop,dict(lr=0.01,alpha=0.9,eps=1e-8,momentum=0.9,centered=True)),
 ("rmsprop",{"learning_rate":0.01,"rho":0.9,"epsilon":1e-8,"momentum":0.9,"weight_decay":0.1},torch.optim.RMSprop,dict(lr=0.01,alpha=0.9,eps=1e-8,momentum=0.9,weight_decay=0.1)),
 ("adamax",{"learning_rate":0.01,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8},torch.optim.Adamax,dict(lr=0.01,eps=1e-8)),
 ("adamax",{"learning_rate":0.01,"epsilon":1e-8,"weight_decay":0.1},torch.optim.Adamax,dict(lr=0.01,eps=1e-8,weight_decay=0.1)),
 ("nadam",{"learning_rate":0.01,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"momentum_decay":4e-3},torch.optim.NAdam,dict(lr=0.01,eps=1e-8,momentum_decay=4e-3)),
 ("nadam",{"learning_rate":0.01,"epsilon":1e-8,"weight_decay":0.1},torch.optim.NAdam,dict(lr=0.01,eps=1e-8,weight_decay=0.1)),
 ("lion",{"learning_rate":0.01,"beta_1":0.9,"beta_2":0.99},Lion,dict(lr=0.01,betas=(.9,.99))),
 ("lion",{"learning_rate":0.01,"beta_1":0.8,"beta_2":0.95,"weight_decay":0.1},Lion,dict(lr=0.01,betas=(.8,.95),weight_decay=0.1)),
]
out={"by":"PyTorch 2.11.0, float64","loss":"0.5*sum(d*(A@d)) + 0.1*sum(sin(3w)), d = w - target","A_diagonal":[5.,1.,.2,.05],"w0":W0.tolist(),"target":TARGET.tolist(),"steps":[1,2,5,20,100],"cases":[]}
for name,cfg,cls,kw in cases:
    w=W0.clone().requires_grad_(); o=cls([w],**kw); at={}
    for s in range(1,101):
        o.zero_grad(); loss(w).backward(); o.step()
        if s in out["steps"]: at[str(s)]=w.detach().tolist()
    out["cases"].append({"type":name,"config":cfg,"w_after_step":at})
print(json.dumps(out))
